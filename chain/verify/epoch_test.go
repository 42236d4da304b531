package verify_test

import (
	"slices"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/verify"
)

// TestHandoverIsSigned: each height counts by the group of its epoch, and where
// the end of an epoch lacks the quorum of its own group nothing behind it is
// final, for the verifier and for a node that starts again.
func TestHandoverIsSigned(t *testing.T) {
	t.Parallel()
	c := build(t)
	const expiry = start + 60_000
	propose := c.Transaction(0, 0, 0, 200, expiry)
	propose.Contract, propose.Method = governance.Name, governance.MethodPropose
	propose.Args = c.Encode(&governance.Propose{
		Action: governance.Action{RemoveNode: &governance.RemoveNode{Node: aplostest.NodeID(3)}}, Height: 6, Expiry: expiry,
	})
	transfers := func(nonce uint64) [][]byte {
		return [][]byte{c.Transfer(0, 1, 1, nonce, expiry), c.Transfer(0, 1, 1, nonce+1, expiry), c.Transfer(0, 1, 1, nonce+2, expiry)}
	}
	c.transactions(t, 0, c.Sign(propose, aplostest.AccountKey(0)), transfers(201)[0], transfers(201)[1]) // block 4
	c.transactions(t, 0, transfers(211)...)                                                              // block 5 hands over
	for nonce := uint64(221); nonce < 240; nonce += 10 {                                                 // blocks 6 and 7
		c.add(t, c.SignRecord(ledger.Record{
			Version: ledger.Version, Chain: c.ID, Epoch: 1, Kind: ledger.RecordTransactions, Node: aplostest.NodeID(0),
			Time: start + 1 + int64(c.offset), Transactions: transfers(nonce),
		}, aplostest.NodeKey(0)))
	}
	if group := c.core.Group(); group.Epoch != 1 || c.blocks != 7 {
		t.Fatalf("epoch %d, %d blocks", group.Epoch, c.blocks)
	}
	for _, tt := range []struct {
		name   string
		lacks  func(height uint64, node int) bool
		height uint64 // final
	}{
		{"all signed", func(uint64, int) bool { return false }, 7},
		{"the handover by a bare quorum", func(h uint64, n int) bool { return h == 5 && n == 0 }, 7},
		{"the handover by two of four", func(h uint64, n int) bool { return h == 5 && n < 2 }, 4},
		{"the handover by nobody", func(h uint64, _ int) bool { return h == 5 }, 4},
		{"two of three afterwards, where a quorum is three", func(h uint64, n int) bool { return h > 5 && n == 0 }, 5},
	} {
		s := &tampered{Store: c.store, signatures: func(height uint64, all []ledger.HeaderSignature) ([]ledger.HeaderSignature, error) {
			return slices.DeleteFunc(all, func(s ledger.HeaderSignature) bool {
				n := slices.IndexFunc([]int{0, 1, 2, 3}, func(i int) bool { return s.Node == aplostest.NodeID(i) })
				return height > 5 && n == 3 || tt.lacks(height, n) // node 3 has left
			}), nil
		}}
		report := run(t, c.input(s))
		if report.Verdict != verify.Right || report.Height != tt.height {
			t.Errorf("%s: %s, final up to %d, want %d; first %v", tt.name, report.Verdict, report.Height, tt.height, report.First)
		}
		core, err := node.NewCore(t.Context(), c.config, c.topic, s)
		if err != nil {
			t.Fatal(err)
		}
		if final := core.Machine.Stats().Final; final != tt.height {
			t.Errorf("%s: a node that starts again has %d final, want %d", tt.name, final, tt.height)
		}
	}
	// A signature of the node that has left is none of the group's.
	if report := run(t, c.input(c.store)); report.Verdict != verify.Wrong || report.First == nil || report.First.Kind != "signature" {
		t.Errorf("with a stranger's signature: %s, %v", report.Verdict, report.First)
	}
}
