package strategy

import (
	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/kernel"
)

// fedAvgM gives the server a momentum: m = β·m + Δ, x + η·m.
func fedAvgM() Strategy {
	return server("fedavgm", "Server momentum over the mean of the updates (Hsu et al. 2019).",
		func(p Params, _ *Input) *aggregator.Server {
			eta, beta := p["eta"], p["beta"]
			return &aggregator.Server{Slots: 1, Step: func(x, delta, memory, _ []float64) {
				kernel.Momentum(x, delta, memory, eta, beta)
			}}
		},
		rate(100, 1),
		Param{Name: "beta", Doc: "the server's momentum β", Default: 0.9, Min: 0, Max: 0.9999},
	)
}
