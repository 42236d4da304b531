package strategy

import (
	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/kernel"
)

// The adaptive servers of Reddi et al., "Adaptive Federated Optimization",
// 2021, algorithm 2: without a correction of the bias, m and v from 0 on.

func fedAdagrad() Strategy {
	return adaptive("fedadagrad", "Adagrad at the server (Reddi et al. 2021).", kernel.Adagrad, 0.1,
		Param{Name: "beta_1", Doc: "decay of the first moment, β₁", Default: 0, Min: 0, Max: 0.9999})
}

func fedAdam() Strategy {
	return adaptive("fedadam", "Adam at the server (Reddi et al. 2021).", kernel.Adam, 0.01,
		Param{Name: "beta_1", Doc: "decay of the first moment, β₁", Default: 0.9, Min: 0, Max: 0.9999},
		Param{Name: "beta_2", Doc: "decay of the second moment, β₂", Default: 0.99, Min: 0, Max: 0.999999})
}

func fedYogi() Strategy {
	return adaptive("fedyogi", "Yogi at the server (Reddi et al. 2021).", kernel.Yogi, 0.01,
		Param{Name: "beta_1", Doc: "decay of the first moment, β₁", Default: 0.9, Min: 0, Max: 0.9999},
		Param{Name: "beta_2", Doc: "decay of the second moment, β₂", Default: 0.99, Min: 0, Max: 0.999999})
}

func adaptive(name, doc string, second kernel.Second, eta float64, decays ...Param) Strategy {
	return server(name, doc,
		func(p Params, _ *Input) *aggregator.Server {
			eta, beta1, beta2, tau := p["eta"], p["beta_1"], p["beta_2"], p["tau"]
			return &aggregator.Server{Slots: 2, Step: func(x, delta, memory, _ []float64) {
				kernel.Adaptive(second, x, delta, memory, eta, beta1, beta2, tau)
			}}
		},
		append(decays, rate(100, eta), Param{Name: "tau", Doc: "degree of adaptivity τ", Default: 1e-3, Min: 1e-12, Max: 1})...,
	)
}
