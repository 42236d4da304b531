package strategy

import (
	"fmt"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/kernel"
)

// scaffold is the server of SCAFFOLD, algorithm 1: x + η·mean(yᵢ − x) and
// c + Σ Δcᵢ / N, each peer counted once. The peers correct every step by c − cᵢ
// and send what became of their cᵢ beside the update (option II).
func scaffold() Strategy {
	s := server(Scaffold, "Control variates against the drift of peers with unlike data (Karimireddy et al. 2020).",
		func(p Params, in *Input) *aggregator.Server {
			eta, cohort := p["eta"], float64(in.Cohort)
			return &aggregator.Server{Slots: 1, Control: true, Step: func(x, delta, memory, control []float64) {
				kernel.Rate(x, delta, eta)
				kernel.Divide(control, cohort)
				kernel.Add(memory, control)
			}}
		},
		rate(100, 1),
	)
	s.uniform = true
	s.fits = func(_ Params, c Conditions) []Problem {
		var all []Problem
		if c.Momentum != 0 {
			all = append(all, Problem{Field: "train.momentum", Need: fmt.Sprintf("0 for %s: its control variates are those of plain steps", Scaffold)})
		}
		if c.ProximalMu != 0 {
			all = append(all, Problem{Field: "train.proximal_mu", Need: fmt.Sprintf("0 for %s, which corrects the same drift", Scaffold)})
		}
		return all
	}
	return s
}
