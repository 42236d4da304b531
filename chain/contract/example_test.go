package contract_test

import (
	"fmt"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

type countArgs struct {
	By int `cbor:"by"`
}

// A contract whose one method adds to the counter of whoever calls it. The
// footprint names the row before anything runs, so that calls of different
// senders don't conflict.
func Example() {
	row := func(call contract.Call) contract.Key { return contract.Key("counter/of/" + call.Sender.Short()) }
	counter := contract.Contract{
		Name:    "counter",
		Summary: "A counter for each member.",
		Methods: []contract.Method{
			contract.Handle(
				"count", "Adds to the sender's counter.",
				func(call contract.Call, _ *countArgs) (contract.Footprint, error) {
					return contract.Footprint{Writes: []contract.Key{row(call)}}, nil
				},
				func(env *contract.Env, call contract.Call, args *countArgs) error {
					if args.By <= 0 {
						return contract.Errorf(contract.CodeBadArguments, "by: %d, want 1 or more", args.By)
					}
					n, ok, err := contract.Load[int](env, row(call))
					if err != nil {
						return err
					}
					sum := args.By
					if ok {
						sum += *n
					}
					if err := contract.Store(env, row(call), sum); err != nil {
						return err
					}
					return env.Emit("counter.counted", sum)
				},
			),
		},
	}

	set := contract.NewSet(counter)
	state := rows{}
	for _, by := range []int{2, 40, -1} {
		args, err := ledger.Encode(countArgs{By: by})
		if err != nil {
			fmt.Println(err)
			return
		}
		action, err := set.Bind(contract.Call{Sender: ledger.ID{0xca, 0xfe}, Contract: "counter", Method: "count", Args: args})
		if err != nil {
			fmt.Println(err)
			return
		}
		env := contract.NewEnv(state, action.Footprint, 0)
		if err := action.Run(env); err != nil {
			fmt.Println(err)
			continue
		}
		for _, w := range env.Writes() {
			state[contract.Key(w.Key)] = w.Value
			fmt.Printf("%s = %x, %d event\n", w.Key, w.Value, len(env.Events()))
		}
	}
	// Output:
	// counter/of/cafe0000 = 02, 1 event
	// counter/of/cafe0000 = 182a, 1 event
	// bad_arguments: by: -1, want 1 or more
}
