package strategy_test

import (
	"fmt"

	"github.com/librum/librum/aggregator/strategy"
)

func Example() {
	s, err := strategy.Find("fedavg")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Doc)
	_, err = s.Validate(strategy.Params{"beta": 0.1})
	fmt.Println(err)
	// Output:
	// Mean of the updates weighted by their numbers of examples (McMahan et al. 2017).
	// strategy fedavg: parameter "beta" is unknown; it takes none
}
