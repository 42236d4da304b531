package strategy_test

import (
	"fmt"

	"github.com/librum/librum/aggregator/strategy"
)

func Example() {
	rule, err := strategy.Resolve(strategy.Choice{
		Strategy: strategy.Part{Name: "fedadam", Params: strategy.Params{"eta": 0.1}},
		Clip:     strategy.Part{Name: "fixed", Params: strategy.Params{"norm": 5}},
		Mean:     strategy.Part{Name: "krum"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, problem := range rule.Fits(strategy.Conditions{MinPeers: 4}) {
		fmt.Printf("%s: %s\n", problem.Field, problem.Need)
	}
	// Output:
	// min_train_peers: at least 5 for krum with that num_malicious
}
