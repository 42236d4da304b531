package strategy

import (
	"context"
	"slices"

	"github.com/librum/librum/aggregator"
)

// bulyan lets Krum choose n−2f updates one by one, then takes for each
// coordinate the mean of the n−4f chosen values nearest to their median. An
// integer is the median of the chosen.
func bulyan() Strategy {
	return Strategy{
		Name:   "bulyan",
		Doc:    "Krum's choice of n−2f updates, of which each coordinate's n−4f nearest to the median are averaged (El Mhamdi et al. 2018).",
		Params: []Param{malicious()},
		mean:   func(p Params) mean { return chosen{f: int(p["num_malicious"])} },
		fits: func(p Params, c Conditions) []Problem {
			return enough("bulyan", 4*int(p["num_malicious"])+3, c)
		},
	}
}

type chosen struct{ f int }

func (b chosen) plan(ctx context.Context, r *round) (aggregator.Mean, error) {
	d, err := r.distances(ctx)
	if err != nil {
		return aggregator.Mean{}, err
	}
	rows := d.choose(max(1, d.n-2*b.f), b.f)
	return aggregator.Mean{Rows: rows, Keep: max(1, len(rows)-2*b.f), Nearest: true}, nil
}

// choose takes the best of Krum's scores out, scores the rest anew, and so on;
// the rows come back in order.
func (d distances) choose(count, f int) []int {
	nearest, gone, taken := d.nearest(), make([]bool, d.n), []int{}
	for left := d.n; len(taken) < count; left-- {
		best, least := -1, 0.0
		for i := range d.n {
			if gone[i] {
				continue
			}
			if score := d.score(i, nearest[i], gone, left, f); best < 0 || score < least {
				best, least = i, score
			}
		}
		gone[best] = true
		taken = append(taken, best)
	}
	slices.Sort(taken)
	return taken
}
