package strategy

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/kernel"
)

// malicious is the parameter that the rules by distance share.
func malicious() Param {
	return Param{Name: "num_malicious", Doc: "peers f that may lie", Default: 1, Min: 0, Max: aggregator.MaxVoters, Integer: true}
}

// enough demands so many peers.
func enough(name string, need int, c Conditions) []Problem {
	if c.MinPeers >= need {
		return nil
	}
	return []Problem{{Field: "min_train_peers", Need: fmt.Sprintf("at least %d for %s with that num_malicious", need, name)}}
}

// krum is the update that lies nearest to its neighbours.
func krum() Strategy {
	return Strategy{
		Name:   "krum",
		Doc:    "The update with the smallest sum of squared distances to its n−f−2 nearest (Blanchard et al. 2017).",
		Params: []Param{malicious()},
		mean:   func(p Params) mean { return nearestOnes{f: int(p["num_malicious"]), keep: 1} },
		fits: func(p Params, c Conditions) []Problem {
			return enough("krum", 2*int(p["num_malicious"])+3, c)
		},
	}
}

// multiKrum is the plain mean of the updates with the best scores.
func multiKrum() Strategy {
	return Strategy{
		Name: "multikrum",
		Doc:  "Mean of the updates that Krum's score puts first (Blanchard et al. 2017).",
		Params: []Param{
			malicious(),
			{Name: "num_to_keep", Doc: "updates averaged; 0 means n−f", Min: 0, Max: aggregator.MaxVoters, Integer: true},
		},
		mean: func(p Params) mean {
			return nearestOnes{f: int(p["num_malicious"]), keep: int(p["num_to_keep"])}
		},
		fits: func(p Params, c Conditions) []Problem {
			f := int(p["num_malicious"])
			all := enough("multikrum", 2*f+3, c)
			if keep := int(p["num_to_keep"]); keep > 0 && keep+f > c.MinPeers {
				all = append(all, Problem{Field: "strategy.params", Need: fmt.Sprintf("num_to_keep of at most min_train_peers less num_malicious, %d", c.MinPeers-f)})
			}
			return all
		},
	}
}

// nearestOnes averages the keep updates with the smallest scores; 0 means n−f.
type nearestOnes struct{ f, keep int }

func (k nearestOnes) plan(ctx context.Context, r *round) (aggregator.Mean, error) {
	d, err := r.distances(ctx)
	if err != nil {
		return aggregator.Mean{}, err
	}
	n := len(r.Updates)
	keep := k.keep
	if keep == 0 {
		keep = n - k.f
	}
	keep = max(1, min(keep, n))
	rows, scores, nearest, gone := make([]int, n), make([]float64, n), d.nearest(), make([]bool, n)
	for i := range rows {
		rows[i], scores[i] = i, d.score(i, nearest[i], gone, n, k.f)
	}
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	m := aggregator.Mean{Weights: make([]float64, n), Integers: make([]uint64, n), Total: float64(keep)}
	for _, i := range rows[:keep] {
		m.Weights[i], m.Integers[i] = 1, 1
	}
	return m, nil
}

// distances are the squared distances between all rows.
type distances struct {
	n     int
	pairs []float64 // as kernel.PairSquares lists them
}

func (r *round) distances(ctx context.Context) (distances, error) {
	n := len(r.Updates)
	pairs, err := r.stack.Reduce(ctx, kernel.Pairs(n), r.options, func() aggregator.Measure {
		return func(sums []float64, rows [][]float64, _ []float64) { kernel.PairSquares(sums, rows) }
	})
	return distances{n, pairs}, err
}

// between returns the squared distance of two rows.
func (d distances) between(i, j int) float64 {
	if i > j {
		i, j = j, i
	}
	return d.pairs[i*d.n-i*(i+1)/2+j-i-1]
}

// nearest lists, for each row, the other rows from the nearest on.
func (d distances) nearest() [][]int {
	all := make([][]int, d.n)
	for i := range all {
		for j := range d.n {
			if j != i {
				all[i] = append(all[i], j)
			}
		}
		slices.SortStableFunc(all[i], func(a, b int) int { return cmp.Compare(d.between(i, a), d.between(i, b)) })
	}
	return all
}

// score returns Krum's score of row i among the rows that are not gone, m of
// them: the sum of the squared distances to its max(1, m−f−2) nearest, from the
// nearest on.
func (d distances) score(i int, nearest []int, gone []bool, m, f int) float64 {
	left, sum := min(max(1, m-f-2), m-1), 0.0
	for _, j := range nearest {
		if left == 0 {
			break
		}
		if !gone[j] {
			sum += d.between(i, j)
			left--
		}
	}
	return sum
}
