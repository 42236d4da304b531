package verify_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/chain/verify"
)

// quiet lets an example use what makes chains for tests.
type quiet struct{ testing.TB }

func (quiet) Helper() {}

// A store is verified with the genesis file and anchors kept elsewhere.
func ExampleChain() {
	ctx := context.Background()
	chain := aplostest.New(quiet{}, 4, 2, 1_700_000_000_000, nil)
	s, err := pebble.Open("store", pebble.Options{FS: vfs.NewMem(), Chain: chain.ID, Node: aplostest.NodeID(0)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = s.Close() }()
	config := node.Config{Genesis: chain.Genesis, Chain: chain.ID, Contracts: aplostest.Contracts(), Verify: identity.Verify}
	if err := node.InitStore(ctx, config, ledger.ID{1}, s); err != nil {
		fmt.Println(err)
		return
	}
	input := verify.Input{
		Store: s, Genesis: chain.File, Contracts: aplostest.Contracts(), Verify: identity.Verify,
		Anchors: verify.Anchors{Genesis: chain.ID},
	}
	report, state, err := verify.Chain(ctx, input)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Verdict, "anchored:", report.Anchored)
	_, known, _ := state.Get("token/info")
	fmt.Println("state known:", known)

	input.Anchors.MinHeight = 5
	report, _, err = verify.Chain(ctx, input)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Verdict, report.First)
	// Output:
	// right anchored: true
	// state known: true
	// wrong anchor at height: final up to 0, the anchor says at least 5
}
