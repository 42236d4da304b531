package coordinator_test

import (
	"context"
	"fmt"
	"time"

	"github.com/librum/librum/fl/contract/contracttest"
)

// A node runs a job of two peers step by step, as a simulation does; in
// production Service.Run does the same by itself.
func ExampleStepper() {
	ctx := context.Background()
	f, err := newFleet(ctx, 1, 1, 2, time.Now)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := f.create(); err != nil {
		fmt.Println(err)
		return
	}
	node := f.services[0]
	stepper := node.Stepper(f.id)
	for i := range f.peers { // the peers poll: there is no task for them yet
		task, err := node.TaskNow(ctx, contracttest.ID(contracttest.Peer(i)))
		fmt.Println(task, err)
	}
	for {
		j, err := f.job()
		if err != nil {
			fmt.Println(err)
			return
		}
		if j.State.Terminal() {
			fmt.Println(j.State, "after", j.Finals, "rounds")
			return
		}
		if _, _, err := stepper.Step(ctx); err != nil {
			fmt.Println(err)
			return
		}
		for i := range f.peers {
			task, err := node.TaskNow(ctx, contracttest.ID(contracttest.Peer(i)))
			if err == nil && task != nil {
				fmt.Println("peer", i, "is asked for round", task.Round)
				err = f.peer(ctx, i, 0)
			}
			if err != nil {
				fmt.Println(err)
				return
			}
		}
	}
	// Output:
	// <nil> <nil>
	// <nil> <nil>
	// peer 0 is asked for round 1
	// peer 1 is asked for round 1
	// peer 0 is asked for round 2
	// peer 1 is asked for round 2
	// finished after 2 rounds
}
