package strategy

import (
	"context"
	"math"

	"github.com/librum/librum/aggregator"
)

// median is the coordinate median, one vote a peer.
func median() Strategy {
	return Strategy{
		Name: "median",
		Doc:  "Median of each coordinate (Yin et al. 2018).",
		mean: func(Params) mean { return trimmed{beta: 0.5} },
	}
}

// trimmedMean drops the largest and the smallest of each coordinate.
func trimmedMean() Strategy {
	return Strategy{
		Name:   "trimmed_mean",
		Doc:    "Mean of each coordinate without its smallest and largest values (Yin et al. 2018).",
		Params: []Param{{Name: "beta", Doc: "share that is dropped at either end", Default: 0.2, Min: 0, Max: 0.5}},
		mean:   func(p Params) mean { return trimmed{beta: p["beta"]} },
	}
}

// trimmed drops ⌊β·n⌋ values at either end, but leaves the median.
type trimmed struct{ beta float64 }

func (t trimmed) plan(_ context.Context, r *round) (aggregator.Mean, error) {
	n := len(r.Updates)
	// Without the hair's breadth 0.29 of 100 would be 28.
	drop := min(int(math.Floor(float64(t.beta*float64(n))+1e-9)), (n-1)/2)
	return aggregator.Mean{Keep: n - 2*drop}, nil
}
