package strategy

import (
	"context"

	"github.com/librum/librum/aggregator"
)

// Names that other code refers to.
const (
	FedAvg       = "fedavg"
	FedProx      = "fedprox"
	FedNova      = "fednova"
	Scaffold     = "scaffold"
	FLTrust      = "fltrust"
	AdaptiveClip = "adaptive"
)

// fedAvg is the mean of the updates, each weighted by its number of examples.
func fedAvg() Strategy {
	return Strategy{
		Name: FedAvg,
		Doc:  "Mean of the updates weighted by their numbers of examples (McMahan et al. 2017).",
		mean: func(Params) mean { return weighted{} },
	}
}

// weighted is Σ nᵢ·xᵢ / Σ nᵢ, or with all weights 1.
type weighted struct{ uniform bool }

func (w weighted) plan(_ context.Context, r *round) (aggregator.Mean, error) {
	var m aggregator.Mean
	for _, u := range r.stack.Updates() {
		weight := u.Weight
		if w.uniform {
			weight = 1
		}
		m.Integers = append(m.Integers, weight)
		m.Weights = append(m.Weights, float64(weight))
		m.Total += float64(weight) // exact: below 2^49
	}
	return m, nil
}
