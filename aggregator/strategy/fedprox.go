package strategy

import "github.com/librum/librum/aggregator"

// fedProx differs from fedavg in the peers' training alone, which then keeps
// near the global model.
func fedProx() Strategy {
	return Strategy{
		Name: FedProx,
		Doc:  "FedAvg over peers that train with a proximal term, train.proximal_mu (Li et al. 2020).",
		mean: func(Params) mean { return weighted{} },
		fits: func(_ Params, c Conditions) []Problem {
			if c.ProximalMu > 0 {
				return nil
			}
			return []Problem{{Field: "train.proximal_mu", Need: "above 0 for fedprox; with 0 it is fedavg"}}
		},
	}
}

// server makes the entry of a server optimiser.
func server(name, doc string, step func(p Params, in *Input) *aggregator.Server, params ...Param) Strategy {
	return Strategy{Name: name, Doc: doc, Params: params, server: step}
}

// rate is the server's learning rate, the parameter that all servers share.
func rate(most float64, standard float64) Param {
	return Param{Name: "eta", Doc: "the server's learning rate η", Default: standard, Min: 0, Max: most}
}
