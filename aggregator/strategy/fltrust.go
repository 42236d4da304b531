package strategy

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/kernel"
)

// flTrust believes each update as far as it points where a trusted peer's does.
func flTrust() Strategy {
	return Strategy{
		Name: FLTrust,
		Doc:  "Updates scaled to the length of a trusted peer's and weighted by the cosine to it (Cao et al. 2021).",
		mean: func(Params) mean { return trust{} }, relative: true,
		fits: func(_ Params, c Conditions) []Problem {
			if c.Root {
				return nil
			}
			return []Problem{{Field: "strategy.root", Need: "the id of the peer that fltrust trusts: it trains on clean data of the job's owner"}}
		},
	}
}

// trust is x + Σ tᵢ·(‖g₀‖/‖gᵢ‖)·gᵢ / Σ tᵢ with gᵢ = xᵢ − x, g₀ the trusted peer's,
// and tᵢ = max(0, cos(gᵢ, g₀)). g₀ itself is no part of the mean. Where nobody is
// trusted the model stays as it is; a missing g₀ is an error. Integers are
// coordinate medians.
type trust struct{}

func (trust) plan(ctx context.Context, r *round) (aggregator.Mean, error) {
	updates := r.stack.Updates()
	n := len(updates)
	m := aggregator.Mean{Weights: make([]float64, n), Total: 1}
	r.relative()
	root := slices.IndexFunc(updates, func(u aggregator.Update) bool { return bytes.Equal(u.Peer, r.Root) })
	if root < 0 {
		return m, fmt.Errorf("%w: there is no update of %x, the peer that fltrust trusts", aggregator.ErrInput, r.Root)
	}
	sums, err := r.stack.Reduce(ctx, 2*n, r.options, func() aggregator.Measure {
		var origin []float64 // the rows are differences already
		return func(sums []float64, rows [][]float64, global []float64) {
			if len(origin) < len(global) {
				origin = make([]float64, len(global))
			}
			kernel.Dots(sums[:n], rows, rows[root])
			kernel.Squares(sums[n:], rows, origin[:len(global)])
		}
	})
	if err != nil {
		return m, err
	}
	dots, length := sums[:n], math.Sqrt(sums[n+root])
	total := 0.0
	for i := range updates {
		norm := math.Sqrt(sums[n+i])
		if i == root || norm == 0 || length == 0 || !(dots[i] > 0) {
			continue
		}
		score := dots[i] / float64(norm*length)
		m.Weights[i] = float64(score*length) / norm
		total += score
	}
	if total > 0 {
		m.Total = total
	}
	return m, nil
}
