package strategy

import "github.com/librum/librum/aggregator/kernel"

// fixedClip shortens updates that lie too far from the global model.
func fixedClip() Strategy {
	return Strategy{
		Name:   "fixed",
		Doc:    "Updates are shortened to a given L2 norm of their difference from the global model (Sun et al. 2019).",
		Params: []Param{{Name: "norm", Doc: "the largest norm", Default: 10, Min: 1e-9, Max: 1e30}},
		clip:   func(p Params) clip { return fixed(p["norm"]) },
	}
}

type fixed float64

func (f fixed) norm(*float64) float64 { return float64(f) }

func (fixed) next(float64, []float64) *float64 { return nil }

// The range in which an adaptive norm stays.
const leastNorm, mostNorm = 1e-30, 1e30

// adaptiveClip lets the norm follow a quantile of the updates' norms.
func adaptiveClip() Strategy {
	return Strategy{
		Name: AdaptiveClip,
		Doc:  "The clipping norm follows a quantile of the updates' norms from round to round (Andrew et al. 2021).",
		Params: []Param{
			{Name: "initial_norm", Doc: "the norm of the first round", Default: 1, Min: 1e-9, Max: 1e30},
			{Name: "quantile", Doc: "share of the updates, γ, that is to stay unclipped", Default: 0.5, Min: 0, Max: 1},
			{Name: "rate", Doc: "learning rate of the norm, η", Default: 0.2, Min: 0, Max: 10},
			{Name: "linear", Doc: "1 adds the step to the norm in place of multiplying by its exponential", Min: 0, Max: 1, Integer: true},
		},
		clip: func(p Params) clip {
			return quantile{p["initial_norm"], p["quantile"], p["rate"], p["linear"] == 1}
		},
	}
}

// quantile is C·exp(−η(b−γ)), or C − η(b−γ), where b is the share of the updates
// whose norm is at most C.
type quantile struct {
	initial, target, rate float64
	linear                bool
}

func (q quantile) norm(before *float64) float64 {
	if before == nil {
		return q.initial
	}
	return *before
}

func (q quantile) next(norm float64, norms []float64) *float64 {
	below := 0
	for _, n := range norms {
		if n <= norm {
			below++
		}
	}
	step := float64(q.rate * (float64(below)/float64(len(norms)) - q.target))
	if q.linear {
		norm -= step
	} else {
		norm = float64(norm * kernel.Exp(-step))
	}
	norm = min(max(norm, leastNorm), mostNorm)
	return &norm
}
