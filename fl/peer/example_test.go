package peer_test

import (
	"context"
	"fmt"
)

// A peer is asked for a round by a node: it registers, checks the proof, trains
// on its rows and submits what came out.
func ExamplePeer_Step() {
	opened, err := open(nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	node, err := opened.ask()
	if err != nil {
		fmt.Println(err)
		return
	}
	p := opened.newPeer(0, node, rows(30, 4, 3))
	if err := p.Step(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	for _, call := range node.calls {
		fmt.Println(call.Method)
	}
	fmt.Println(len(node.update) == len(opened.model))
	// Output:
	// RegisterPeer
	// SubmitUpdate
	// true
}
