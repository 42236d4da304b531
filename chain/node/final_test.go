package node_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	identitycontract "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
	"github.com/librum/librum/chain/node"
)

// TestTwoDown stops two of four nodes: nothing is final, and with 64 such
// blocks the door closes. It opens when they return and have caught up with
// blocks that they never saw and signatures that nobody pushes again.
func TestTwoDown(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{blockTransactions: 1, frozen: true})
	f.start()
	defer f.close()
	f.final(f.submit(0, f.transfer(0, 1, 1))[0].Position)
	f.stop(2, 3)
	final := f.node(0).Status().Final
	var last ledger.Position
	for i := range 64 {
		last = f.submit(i%2, f.transfer(0, 1, 1))[0].Position
	}
	f.await(func(s node.Status) bool { return s.NotFinal == 64 })
	for i := range 2 {
		if _, err := f.node(i).Submit(t.Context(), [][]byte{f.transfer(0, 1, 1)}); !errors.Is(err, node.ErrNotFinal) {
			t.Errorf("node %d with 64 blocks that are not final: error %v, want %v", i, err, node.ErrNotFinal)
		}
		if s := f.node(i).Status(); s.Final != final {
			t.Errorf("node %d: final up to %d with two of four nodes", i, s.Final)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.node(0).AwaitFinal(ctx, last); !errors.Is(err, context.Canceled) {
		t.Errorf("AwaitFinal: %v", err)
	}
	f.start(2, 3)
	f.eventually("the signatures of all blocks at all nodes", func() bool {
		f.clock.advance(100 * time.Millisecond) // signatures are asked for by and by
		for i := range 4 {
			for h := uint64(1); h <= final+64; h++ {
				_, signatures, err := f.node(i).Header(t.Context(), h)
				if err != nil || len(signatures) < f.chain.Genesis.Group.Quorum() {
					return false
				}
			}
		}
		return true
	})
	f.final(last)
	f.final(f.submit(3, f.transfer(0, 1, 1))[0].Position)
	f.sameHeaders()
}

// TestNotFinalSurvivesRestart restarts the two nodes that are left: the door
// stays closed and nothing that a restart finds signed is signed again.
func TestNotFinalSurvivesRestart(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{blockTransactions: 1, frozen: true})
	f.start(0, 1)
	defer f.close()
	for range 64 {
		f.submit(0, f.transfer(0, 1, 1))
	}
	f.await(func(s node.Status) bool { return s.NotFinal == 64 })
	f.stop()
	f.start(0, 1)
	if s := f.node(0).Status(); s.NotFinal != 64 || s.Final != 0 || s.Height != 64 {
		t.Errorf("after a restart: %+v", s)
	}
	if _, err := f.node(0).Submit(t.Context(), [][]byte{f.transfer(0, 1, 1)}); !errors.Is(err, node.ErrNotFinal) {
		t.Errorf("error %v, want %v", err, node.ErrNotFinal)
	}
	f.start(2)
	f.eventually("all blocks to be final", func() bool {
		f.clock.advance(100 * time.Millisecond) // signatures are asked for by and by
		return f.node(0).Status().Final == 64 && f.node(2).Status().Final == 64
	})
	f.submit(0, f.transfer(0, 1, 1))
}

// generous is the native token with a mistake.
func generous() contract.Contract {
	wrong := token.New()
	transfer := wrong.Methods[0]
	wrong.Methods[0].Bind = func(call contract.Call) (contract.Action, error) {
		action, err := transfer.Bind(call)
		if err != nil {
			return action, err
		}
		run := action.Run
		action.Run = func(env *contract.Env) error {
			if err := run(env); err != nil {
				return err
			}
			return contract.Store(env, action.Footprint.Writes[1], ledger.NewAmount(1_000_000_000))
		}
		return action, nil
	}
	return wrong
}

// TestDivergence gives one node a contract with a mistake: it finds out, signs
// no more, keeps the evidence and says so to its clients; the others go on.
func TestDivergence(t *testing.T) {
	t.Parallel()
	evidence := make(chan lokka.Divergence, 2)
	f := newFleet(t, options{config: func(i int, c *node.Config) {
		c.KeepEvidence = func(d lokka.Divergence) error {
			if i != 3 {
				t.Errorf("node %d keeps evidence against itself", i)
			}
			evidence <- d
			return nil
		}
	}, contracts: func(i int) contract.Rules {
		native := token.New()
		if i == 3 {
			native = generous()
		}
		return contract.Rules{contract.NewSet(governance.New(), identitycontract.New(), native)}
	}})
	f.start()
	defer f.close()
	last := f.submit(0, f.transfer(0, 1, 1))[0].Position
	for i := range 3 {
		if err := f.node(i).AwaitFinal(t.Context(), last); err != nil {
			t.Errorf("node %d: %v", i, err)
		}
	}
	liar := f.node(3)
	if err := liar.AwaitFinal(t.Context(), last); !errors.Is(err, node.ErrDiverged) {
		t.Errorf("AwaitFinal at the node that diverged: %v, want %v", err, node.ErrDiverged)
	}
	honest, _, err := f.node(0).Header(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if d := <-evidence; d.Height != 1 || bytes.Equal(d.Own, d.Quorum) || !bytes.Equal(d.Quorum, honest) {
		t.Errorf("the evidence is %+v", d)
	}
	if _, err := liar.Submit(t.Context(), [][]byte{f.transfer(0, 1, 1)}); !errors.Is(err, node.ErrDiverged) {
		t.Errorf("Submit at the node that diverged: %v, want %v", err, node.ErrDiverged)
	}
	last = f.submit(0, f.transfer(2, 1, 1))[0].Position
	for i := range 3 {
		if err := f.node(i).AwaitFinal(t.Context(), last); err != nil {
			t.Errorf("node %d: %v", i, err)
		}
	}
	if _, err := liar.Await(t.Context(), func(s node.Status) bool { return s.Next > last.Offset }); err != nil {
		t.Errorf("the node that diverged does not follow the log: %v", err)
	}
	if s := liar.Status(); s.Final != 0 || !s.Diverged {
		t.Errorf("the node that diverged stands at %+v", s)
	}
	_, signatures, err := f.node(0).Header(t.Context(), f.node(0).Status().Final)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range signatures {
		if s.Node == liar.ID() {
			t.Error("the node that diverged signed on")
		}
	}
}

// TestFarBehind starts a node that never ran when the others are further ahead
// than the group keeps signatures in memory.
func TestFarBehind(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{blockTransactions: 1})
	f.start(0, 1, 2)
	defer f.close()
	first := f.submit(0, f.transfer(0, 1, 1))[0]
	last := first
	for i := range lokka.Window + 40 {
		last = f.submit(0, f.transfer(0, 1, 1))[0]
		if i%(node.MaxNotFinal/2) == 0 { // else the door closes where signatures are slow to come
			f.final(last.Position)
		}
	}
	f.final(last.Position)
	f.start(3)
	f.final(last.Position)
	f.sameHeaders()
	f.prove(3, first, last)
	f.final(f.submit(3, f.transfer(0, 1, 1))[0].Position)
}
