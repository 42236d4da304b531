package round_test

import (
	"fmt"

	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/round"
)

// A job was just created on a ledger of one node, which asks what to do.
func ExampleDecide() {
	spec := job.Defaults()
	spec.Model.Layers = []int64{64, 200, 10}
	f, err := newFleet(1, 1, 2, spec)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 4 {
		s, _, err := round.Load(f.ledger, f.job, f.ledger.Now)
		if err != nil {
			fmt.Println(err)
			return
		}
		n := f.nodes[0]
		for _, a := range round.Decide(s, f.facts(n, &s)) {
			switch a := a.(type) {
			case round.Submit:
				refused, _, err := f.ledger.Call(n.id, a.Method, a.Args)
				fmt.Println("submit", a.Method, refused == nil, err)
			case round.Derive:
				fmt.Println("derive the initial model")
				n.initial = &round.File{Digest: f.job, Size: 100}
			case round.Wake:
				fmt.Println("wake after", a.At-contracttest.Start, "ms")
			}
		}
	}
	// Output:
	// submit TakeTerm true <nil>
	// derive the initial model
	// wake after 10000 ms
	// submit OpenRound true <nil>
	// wake after 10000 ms
}
