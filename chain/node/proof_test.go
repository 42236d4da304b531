package node_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/store"
)

// prove checks the proofs of all outcomes at a node.
func (f *fleet) prove(i int, outcomes ...node.Outcome) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	defer cancel()
	for _, o := range outcomes {
		proof, err := f.node(i).Proof(ctx, o.ID)
		if err != nil {
			f.Fatalf("node %d: %v", i, err)
		}
		raw, err := ledger.Encode(&proof)
		if err != nil {
			f.Fatal(err)
		}
		if proof, err = ledger.ParseResultProof(raw); err != nil {
			f.Fatal(err)
		}
		result, header, err := proof.Verify(f.chain.ID, &f.chain.Genesis.Group, identity.Verify)
		if err != nil || result.ID != o.ID || result.Code != o.Code || result.Position != o.Position {
			f.Errorf("node %d: proof of %s gives %+v, %v", i, o.ID.Short(), result, err)
		}
		if _, height, err := f.node(i).Transaction(ctx, o.ID); err != nil || height != header.Height {
			f.Errorf("node %d: transaction %s in block %d, %v, its proof has %d", i, o.ID.Short(), height, err, header.Height)
		}
	}
}

func TestProof(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{blockTransactions: 5})
	f.start()
	defer f.close()
	var raw [][]byte
	for range 12 {
		raw = append(raw, f.transfer(0, 1, 1))
	}
	outcomes := f.submit(0, raw...)
	f.executed(outcomes[len(outcomes)-1].Position)
	for i := range 4 {
		f.prove(i, outcomes...)
	}
	for i, o := range outcomes {
		got, _, err := f.node(2).Transaction(t.Context(), o.ID)
		if err != nil || !bytes.Equal(got, raw[i]) {
			t.Errorf("transaction %d is not what was sent: %v", i, err)
		}
	}
	unknown := ledger.Digest{1}
	if _, err := f.node(0).Proof(t.Context(), unknown); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("proof of what never was: %v", err)
	}
	if _, _, err := f.node(0).Transaction(t.Context(), unknown); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("transaction that never was: %v", err)
	}
	if _, _, err := f.node(0).Block(t.Context(), 1000); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("block that never was: %v", err)
	}
	if _, _, err := f.node(0).Header(t.Context(), 1000); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("header that never was: %v", err)
	}
}

// forgetful is a store that loses others' signatures of the first block while
// told to, as a crash loses those that were on their way to it.
type forgetful struct {
	store.Store
	self   ledger.ID
	forget *atomic.Bool
}

func (s *forgetful) PutSignature(ctx context.Context, sig ledger.HeaderSignature) error {
	if s.forget.Load() && sig.Height == 1 && sig.Node != s.self {
		return nil
	}
	return s.Store.PutSignature(ctx, sig)
}

// lossy returns a fleet whose node 0 forgets signatures while told to.
func lossy(t *testing.T) (*fleet, *atomic.Bool) {
	t.Helper()
	forget := new(atomic.Bool)
	forget.Store(true)
	f := newFleet(t, options{blockTransactions: 1, wrapStore: func(i int, s store.Store) store.Store {
		if i != 0 {
			return s
		}
		return &forgetful{Store: s, self: aplostest.NodeID(0), forget: forget}
	}})
	f.start()
	return f, forget
}

// TestProofAfterLostSignatures restarts a node that lacks the signatures of
// blocks below its newest final one.
func TestProofAfterLostSignatures(t *testing.T) {
	t.Parallel()
	f, forget := lossy(t)
	defer f.close()
	lost := f.submit(0, f.transfer(0, 1, 1))[0]
	f.final(lost.Position)
	f.final(f.submit(0, f.transfer(0, 1, 1))[0].Position)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.node(0).Proof(ctx, lost.ID); !errors.Is(err, context.Canceled) {
		t.Fatalf("the signatures are not lost: %v", err)
	}
	f.stop(0)
	forget.Store(false)
	f.start(0)
	f.prove(0, lost)
}

// TestProofOfOldBlock asks for a proof whose signatures the group asks no more
// for: the other nodes have them stored.
func TestProofOfOldBlock(t *testing.T) {
	t.Parallel()
	f, _ := lossy(t)
	defer f.close()
	lost := f.submit(0, f.transfer(0, 1, 1))[0]
	f.final(lost.Position)
	for f.node(0).Status().Final < lokka.Window+1 {
		f.submit(1, f.transfer(0, 1, 1)) // a record each, so a block each
		f.eventually("the group to keep up", func() bool { return f.node(1).Status().NotFinal < node.MaxNotFinal/2 })
	}
	f.prove(0, lost)
	f.stop(1, 2, 3)
	if _, err := f.node(0).Proof(t.Context(), lost.ID); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("with nobody to ask: %v", err)
	}
}
