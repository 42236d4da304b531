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

// evidence returns a transaction that proves that node 3 signed two headers.
func (c *chain) evidence(t *testing.T, expiry int64) []byte {
	t.Helper()
	args := governance.ReportEquivocation{Node: aplostest.NodeID(3), Height: 1}
	key := aplostest.NodeKey(3)
	for i, side := range []struct {
		header    *[]byte
		signature *[ledger.SignatureSize]byte
	}{{&args.HeaderA, &args.SignatureA}, {&args.HeaderB, &args.SignatureB}} {
		h := ledger.Header{Version: ledger.Version, Chain: c.ID, Height: 1, LogTime: int64(i)}
		b, err := h.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		*side.header, *side.signature = b, ledger.SignHeader(1, b, args.Node, key.ID(), key.Sign).Signature
	}
	tx := c.Transaction(0, 1, 0, 100, expiry)
	tx.Contract, tx.Method, tx.Args = governance.Name, governance.MethodReportEquivocation, c.Encode(&args)
	return c.Sign(tx, aplostest.AccountKey(0))
}

// TestSuspendedSignatures: the signature of a suspended node makes no quorum
// from the block after the evidence on, for the verifier and for a node that
// starts again, and it makes one before.
func TestSuspendedSignatures(t *testing.T) {
	t.Parallel()
	c := build(t)
	const expiry = start + 60_000
	c.transactions(t, 0, c.evidence(t, expiry), c.Transfer(0, 1, 1, 101, expiry), c.Transfer(0, 1, 1, 102, expiry)) // block 4
	c.transactions(t, 0, c.Transfer(0, 1, 1, 103, expiry), c.Transfer(0, 1, 1, 104, expiry), c.Transfer(0, 1, 1, 105, expiry))
	if suspended, err := governance.IsSuspended(c.core, aplostest.NodeID(3)); err != nil || !suspended || c.blocks != 5 {
		t.Fatalf("suspended: %t, %v, %d blocks", suspended, err, c.blocks)
	}
	for _, tt := range []struct {
		name   string
		lacks  int    // the node whose signatures are missing, -1 for none
		from   uint64 // above this height
		height uint64 // final
	}{
		{"all signed", -1, 0, 5},
		{"the suspended node did not", 3, 0, 5},
		{"another did not sign the block after", 1, 4, 4},
		{"another did not sign the block of the evidence either", 1, 3, 4},
	} {
		s := &tampered{Store: c.store, signatures: func(height uint64, all []ledger.HeaderSignature) ([]ledger.HeaderSignature, error) {
			return slices.DeleteFunc(all, func(s ledger.HeaderSignature) bool {
				return tt.lacks >= 0 && height > tt.from && s.Node == aplostest.NodeID(tt.lacks)
			}), nil
		}}
		if report := run(t, c.input(s)); report.Verdict != verify.Right || report.Height != tt.height {
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
}
