package node_test

import (
	"bytes"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	identitycontract "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/snapshot"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
)

// snapshot takes a snapshot of a running node at its newest height that has one.
func (f *fleet) snapshot(of int) (file []byte, info snapshot.Info) {
	f.Helper()
	trust := snapshot.Trust{Genesis: f.chain.Genesis, Chain: f.chain.ID, Verify: identity.Verify}
	s := f.members[of].store
	height, err := snapshot.Newest(f.Context(), trust, s)
	if err != nil {
		f.Fatal(err)
	}
	var b bytes.Buffer
	if info, err = snapshot.Create(f.Context(), trust, s, height, &b, nil); err != nil {
		f.Fatal(err)
	}
	return b.Bytes(), info
}

// restore fills the empty store of a node that is down.
func (f *fleet) restore(i int, file []byte) {
	f.Helper()
	s, err := pebble.Open(f.storeDir(i), pebble.Options{FS: f.fs, Chain: f.chain.ID, Node: f.config(i).Self, CacheBytes: 1 << 20})
	if err != nil {
		f.Fatal(err)
	}
	trust := snapshot.Trust{Genesis: f.chain.Genesis, Chain: f.chain.ID, Verify: identity.Verify}
	_, err = snapshot.Restore(f.Context(), trust, bytes.NewReader(file), s, nil)
	if err := errors.Join(err, s.Close()); err != nil {
		f.Fatal(err)
	}
}

// signsAgain waits until another node has a node's signature of its newest block.
func (f *fleet) signsAgain(i, at int) {
	f.Helper()
	f.eventually("a signature of the node that came back", func() bool {
		_, signatures, err := f.node(at).Header(f.Context(), f.node(at).Status().Height)
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range signatures {
			if s.Node == aplostest.NodeID(i) {
				return true
			}
		}
		return false
	})
}

// TestJoin: a node with an empty disk, and one that lost its disk, go on from
// a snapshot over the end of the log alone, and compute the same headers.
func TestJoin(t *testing.T) {
	t.Parallel()
	const lost, fifth = 2, 4
	f := newFleet(t, options{extra: 1, blockTransactions: 2})
	f.start(0, 1, 2, 3)
	defer f.close()
	for range 6 {
		f.final(f.submit(0, f.transfer(0, 1, 1))[0].Position)
	}
	early := f.submit(1, f.transfer(1, 2, 1))[0]
	f.final(early.Position)
	f.final(f.submit(1, f.transfer(1, 2, 1))[0].Position)
	file, info := f.snapshot(0)
	f.stop(lost)
	if err := f.fs.RemoveAll(f.storeDir(lost)); err != nil {
		t.Fatal(err)
	}
	if err := f.log.Trim(t.Context(), info.Next-1); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{lost, fifth} {
		f.restore(i, file)
		f.start(i)
		if s := f.node(i).Status(); s.Floor != info.Height || s.Final < info.Height {
			t.Errorf("node %d begins at %+v, restored to %d", i, s, info.Height)
		}
	}
	f.final(f.submit(lost, f.transfer(0, 1, 1))[0].Position)
	f.final(f.submit(lost, f.transfer(0, 1, 1))[0].Position)
	f.sameHeaders()
	f.signsAgain(lost, 0)
	joined := f.node(fifth)
	if _, _, err := joined.Block(t.Context(), 1); !errors.Is(err, store.ErrPruned) {
		t.Errorf("block 1 of the node that joined: %v, want ErrPruned", err)
	}
	if _, ok, err := joined.Outcome(t.Context(), early.ID); ok || err != nil {
		t.Errorf("an outcome from below the snapshot: %t, %v", ok, err)
	}
	if err := joined.Follow(t.Context(), ledger.Position{}, func(node.Outcome) error { return nil }); !errors.Is(err, store.ErrPruned) {
		t.Errorf("following from the first record on: %v, want ErrPruned", err)
	}
	f.stop() // and all start again where they stand
	f.start()
	f.final(f.submit(lost, f.transfer(0, 1, 1))[0].Position)
	f.sameHeaders()
}

// TestDivergedComesBack does what docs/runbooks/diverged.md says: a node with a
// mistake signs no more and keeps the evidence. Its operator moves the store
// aside, restores another node's state from above what the node signed, and
// puts the mistake right; then it signs again, and nobody has evidence of two
// headers of one height.
func TestDivergedComesBack(t *testing.T) {
	t.Parallel()
	const liar = 3
	var wrong atomic.Bool
	wrong.Store(true)
	var evidence atomic.Pointer[lokka.Divergence]
	f := newFleet(t, options{
		contracts: func(i int) contract.Rules {
			native := token.New()
			if i == liar && wrong.Load() {
				native = generous()
			}
			return contract.Rules{contract.NewSet(governance.New(), identitycontract.New(), native)}
		},
		config: func(i int, c *node.Config) {
			if i != liar {
				return
			}
			c.Diverged = evidence.Load() != nil
			c.KeepEvidence = func(d lokka.Divergence) error {
				evidence.Store(&d)
				return nil
			}
		},
	})
	f.start()
	defer f.close()
	sees := func(last ledger.Position) {
		t.Helper()
		for i := range liar {
			if err := f.node(i).AwaitFinal(t.Context(), last); err != nil {
				t.Fatalf("node %d: %v", i, err)
			}
		}
	}
	last := f.submit(0, f.transfer(0, 1, 1))[0].Position
	sees(last)
	f.eventually("the evidence", func() bool { return evidence.Load() != nil })
	if d := evidence.Load(); d.Height != 1 || bytes.Equal(d.Own, d.Quorum) || len(d.Signatures) < 3 {
		t.Errorf("the evidence is of height %d, %d signatures", d.Height, len(d.Signatures))
	}
	f.stop(liar)
	f.start(liar) // a restart alone changes nothing
	if s := f.node(liar).Status(); !s.Diverged {
		t.Errorf("after a restart: %+v", s)
	}
	reached := f.node(liar).Status().Height
	f.stop(liar)
	last = f.submit(0, f.transfer(2, 1, 1))[0].Position
	sees(last)
	file, info := f.snapshot(1)
	if info.Height < reached {
		t.Fatalf("the snapshot is of height %d, the node had reached %d", info.Height, reached)
	}
	if err := f.fs.RemoveAll(f.storeDir(liar)); err != nil {
		t.Fatal(err)
	}
	f.restore(liar, file)
	evidence.Store(nil)
	wrong.Store(false)
	f.start(liar)
	f.final(f.submit(liar, f.transfer(0, 1, 1))[0].Position)
	f.sameHeaders()
	f.signsAgain(liar, 0)
	if f.suspended(0, liar) || evidence.Load() != nil {
		t.Error("the node that came back is accused")
	}
}
