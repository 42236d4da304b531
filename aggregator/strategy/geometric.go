package strategy

import (
	"context"
	"math"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/kernel"
)

// geometricMedian is the point with the smallest sum of distances to the
// updates, found by smoothed Weiszfeld iterations from their mean.
func geometricMedian() Strategy {
	return Strategy{
		Name: "geometric_median",
		Doc:  "Geometric median by smoothed Weiszfeld iterations, RFA (Pillutla et al. 2022).",
		Params: []Param{
			{Name: "iterations", Doc: "passes over the updates", Default: 4, Min: 1, Max: 100, Integer: true},
			{Name: "nu", Doc: "smoothing ν: distances below it count as it", Default: 1e-6, Min: 1e-12, Max: 1e6},
		},
		mean: func(p Params) mean { return weiszfeld{int(p["iterations"]), p["nu"]} },
	}
}

// weiszfeld weighs each update by 1/max(ν, its distance from the point before);
// one vote a peer, since numbers of examples are claims. Integers, which have no
// real weights, are coordinate medians.
type weiszfeld struct {
	iterations int
	nu         float64
}

func (w weiszfeld) plan(ctx context.Context, r *round) (aggregator.Mean, error) {
	n := len(r.Updates)
	m := aggregator.Mean{Weights: ones(n), Total: float64(n)}
	for range w.iterations {
		squares, err := r.stack.Reduce(ctx, n, r.options, func() aggregator.Measure {
			var point []float64
			return func(sums []float64, rows [][]float64, global []float64) {
				if len(point) < len(global) {
					point = make([]float64, len(global))
				}
				point := point[:len(global)]
				clear(point)
				for i, row := range rows {
					kernel.AddScaled(point, row, m.Weights[i])
				}
				kernel.Divide(point, m.Total)
				kernel.Squares(sums, rows, point)
			}
		})
		if err != nil {
			return m, err
		}
		next := aggregator.Mean{Weights: make([]float64, n)}
		for i, s := range squares {
			next.Weights[i] = 1 / max(w.nu, math.Sqrt(s))
			next.Total += next.Weights[i]
		}
		m = next
	}
	return m, nil
}
