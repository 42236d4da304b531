package node_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order/local"
	"github.com/librum/librum/chain/store/pebble"
)

// quiet lets an example use what makes chains for tests.
type quiet struct{ testing.TB }

func (quiet) Helper() {}

// A node of one takes a transfer, executes it and makes it final by itself.
func ExampleNode() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	now := time.Now()
	chain := aplostest.New(quiet{}, 1, 2, now.UnixMilli(), nil)
	fs := vfs.NewMem()
	log, err := local.Open(ctx, fs, "log", local.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = log.Close() }()
	store, err := pebble.Open("store", pebble.Options{FS: fs, Chain: chain.ID, Node: aplostest.NodeID(0)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = store.Close() }()
	config := node.Config{
		Self: aplostest.NodeID(0), Key: aplostest.NodeKey(0), Genesis: chain.Genesis, Chain: chain.ID,
		Contracts: aplostest.Contracts(), Verify: identity.Verify,
	}
	if err := node.InitStore(ctx, config, log.Topic(), store); err != nil {
		fmt.Println(err)
		return
	}
	n, err := node.New(ctx, config, log, store, node.NewLocalMesh())
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()

	transfer := chain.Transfer(0, 1, 250, 1, now.Add(time.Minute).UnixMilli())
	outcomes, err := n.SubmitFinal(ctx, [][]byte{transfer, transfer})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(outcomes[0].Code, outcomes[0].Position, outcomes[1].Position)
	proof, err := n.Proof(ctx, outcomes[0].ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, header, err := proof.Verify(chain.ID, &chain.Genesis.Group, identity.Verify)
	fmt.Println(result.Code, "in block", header.Height, err)
	cancel()
	fmt.Println(<-done)
	// Output:
	// ok 0.0 0.0
	// ok in block 1 <nil>
	// <nil>
}
