package strategy

import (
	"context"
	"fmt"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/kernel"
)

// fedNova takes out of the mean that some peers trained longer than others.
func fedNova() Strategy {
	return Strategy{
		Name: FedNova,
		Doc:  "Mean of the updates, each divided by how long its peer trained (Wang et al. 2020).",
		mean: func(Params) mean { return nova{} }, relative: true,
		fits: func(_ Params, c Conditions) []Problem {
			if c.ProximalMu == 0 {
				return nil
			}
			return []Problem{{Field: "train.proximal_mu", Need: "0 for fednova, which divides by the length of training without a proximal term"}}
		},
	}
}

// MaxSteps bounds the steps of an update: more than any job's peers take, and few
// enough that lengths and their mean are far from what float64 tells apart.
const MaxSteps = 1 << 40

// nova is x + τ·Σ pᵢ·(xᵢ − x)/‖aᵢ‖ with τ = Σ pᵢ·‖aᵢ‖, where ‖aᵢ‖ is the sum of
// the weights that a peer's gradients have in its update: its number of steps,
// or with momentum ρ (τᵢ − ρ(1−ρ^τᵢ)/(1−ρ)) / (1−ρ).
type nova struct{}

func (nova) plan(_ context.Context, r *round) (aggregator.Mean, error) {
	var m aggregator.Mean
	lengths, effective := make([]float64, len(r.Updates)), 0.0
	for i, u := range r.stack.Updates() {
		if u.Steps < 1 || u.Steps > MaxSteps {
			return m, fmt.Errorf("%w: peer %x names %d steps; 1 to %d are allowed", aggregator.ErrInput, u.Peer, u.Steps, int64(MaxSteps))
		}
		m.Integers = append(m.Integers, u.Weight)
		m.Total += float64(u.Weight) // exact: below 2^49
		lengths[i] = length(u.Steps, r.Local)
		effective += float64(float64(u.Weight) * lengths[i])
	}
	effective /= m.Total
	for i, w := range m.Integers {
		m.Weights = append(m.Weights, float64(float64(w)*effective)/lengths[i])
	}
	r.relative()
	return m, nil
}

// length is ‖a‖₁ of so many steps of SGD with momentum.
func length(steps uint64, momentum float64) float64 {
	if momentum == 0 {
		return float64(steps)
	}
	rest := 1 - momentum
	return (float64(steps) - float64(momentum*(1-kernel.Power(momentum, steps)))/rest) / rest
}
