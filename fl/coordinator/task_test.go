package coordinator_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/coordinator"
)

// attended returns a fleet whose services know the job.
func attended(t *testing.T, nodes, organisations, peers int) *fleet {
	t.Helper()
	f, err := newFleet(t.Context(), nodes, organisations, peers, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.create(); err != nil {
		t.Fatal(err)
	}
	for _, s := range f.services {
		_ = s.Stepper(f.id) // makes it known, as a running service would
	}
	return f
}

func TestTaskWaitsUntilTheRoundOpens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, err := newFleet(t.Context(), 2, 2, 1, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		f.spec.RoundTimeoutS, f.spec.NumRounds = 3600, 1
		stop := f.run(t.Context())
		type answer struct {
			task *coordinator.Task
			err  error
		}
		answers := make(chan answer, 1)
		go func() {
			task, err := f.services[1].Task(t.Context(), contracttest.ID(contracttest.Peer(0)))
			answers <- answer{task, err}
		}()
		synctest.Wait()
		select {
		case a := <-answers:
			t.Fatalf("answered before the round was open: %+v", a)
		default:
		}
		if err := f.create(); err != nil { // the coordinators know of the peer by its poll
			t.Fatal(err)
		}
		a := <-answers
		if err := stop(); err != nil {
			t.Error(err)
		}
		if a.err != nil || a.task == nil {
			t.Fatalf("task %+v, error %v", a.task, a.err)
		}
		model, err := f.model()
		if err != nil {
			t.Fatal(err)
		}
		if a.task.Job != f.id || a.task.Round != 1 || a.task.Attempt != 1 || a.task.Model != ledger.Hash(model) || len(a.task.Proof) == 0 {
			t.Errorf("task %+v", a.task)
		}
		r, _, err := fl.LoadRound(f.ledger, f.id, 1)
		if err != nil {
			t.Fatal(err)
		}
		if want := r.Opened + 1000*f.spec.RoundTimeoutS; a.task.Deadline != want {
			t.Errorf("deadline %d, want %d", a.task.Deadline, want)
		}
		// The node that the peer asks got the model from the one that has it.
		if _, ok, err := f.blobs[1].Has(t.Context(), a.task.Model); err != nil || !ok {
			t.Errorf("node 1 has the model: %t, error %v", ok, err)
		}
	})
}

func TestTaskEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := attended(t, 1, 1, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		began := time.Now()
		task, err := f.services[0].Task(ctx, contracttest.ID(contracttest.Peer(0)))
		if task != nil || err != nil || time.Since(began) != 25*time.Second {
			t.Errorf("task %+v, error %v after %s; want neither, after 25 s", task, err, time.Since(began))
		}
	})
}

// TestTaskOfAStranger asks for a peer that the round does not ask, and for one
// that has answered.
func TestTaskOfAStranger(t *testing.T) {
	t.Parallel()
	f := attended(t, 2, 2, 2)
	if err := f.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if task, err := f.services[0].TaskNow(t.Context(), ledger.ID{9}); task != nil || err != nil {
		t.Errorf("a stranger: task %+v, error %v", task, err)
	}
	if err := f.peer(t.Context(), 0, 0); err != nil {
		t.Fatal(err)
	}
	if task, err := f.services[0].TaskNow(t.Context(), contracttest.ID(contracttest.Peer(0))); task != nil || err != nil {
		t.Errorf("a peer that has submitted: task %+v, error %v", task, err)
	}
	if task, err := f.services[0].TaskNow(t.Context(), contracttest.ID(contracttest.Peer(1))); task == nil || err != nil {
		t.Errorf("a peer that has not: task %+v, error %v", task, err)
	}
}

// TestOneProofForAllPeers has twenty peers ask at once.
func TestOneProofForAllPeers(t *testing.T) {
	t.Parallel()
	const peers = 20
	synctest.Test(t, func(t *testing.T) {
		f := attended(t, 1, 1, peers)
		if err := f.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		gate := make(chan struct{})
		f.prove = func(ctx context.Context) error {
			select {
			case <-gate:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		var group sync.WaitGroup
		for i := range peers {
			group.Go(func() {
				task, err := f.services[0].Task(t.Context(), contracttest.ID(contracttest.Peer(i)))
				if err != nil || task == nil || len(task.Proof) == 0 {
					t.Errorf("peer %d: task %+v, error %v", i, task, err)
				}
			})
		}
		synctest.Wait()
		close(gate)
		group.Wait()
		if f.proofs != 1 {
			t.Errorf("%d proofs were made, want one", f.proofs)
		}
	})
}

// TestProofOutlivesItsFirstAsker lets the peer whose poll makes the proof go
// away: the others get theirs.
func TestProofOutlivesItsFirstAsker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := attended(t, 1, 1, 3)
		if err := f.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		gate := make(chan struct{})
		f.prove = func(ctx context.Context) error {
			select {
			case <-gate:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		first, leave := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if task, err := f.services[0].Task(first, contracttest.ID(contracttest.Peer(0))); task != nil || err != nil {
				t.Errorf("the one that left: task %+v, error %v", task, err)
			}
		})
		synctest.Wait()
		for i := 1; i < 3; i++ {
			group.Go(func() {
				task, err := f.services[0].Task(t.Context(), contracttest.ID(contracttest.Peer(i)))
				if err != nil || task == nil {
					t.Errorf("peer %d: task %+v, error %v", i, task, err)
				}
			})
		}
		synctest.Wait()
		leave()
		synctest.Wait()
		close(gate)
		group.Wait()
		if f.proofs != 2 {
			t.Errorf("%d proofs were begun, want two", f.proofs)
		}
	})
}

// TestFailedProofIsToldAndTriedAgain has the node unable to prove at first.
func TestFailedProofIsToldAndTriedAgain(t *testing.T) {
	t.Parallel()
	f := attended(t, 1, 1, 1)
	if err := f.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the store is gone")
	f.prove = func(context.Context) error { return broken }
	id := contracttest.ID(contracttest.Peer(0))
	if task, err := f.services[0].Task(t.Context(), id); task != nil && len(task.Proof) != 0 || !errors.Is(err, broken) {
		t.Errorf("task %+v, error %v, want %v", task, err, broken)
	}
	f.prove = nil
	if task, err := f.services[0].Task(t.Context(), id); err != nil || task == nil || len(task.Proof) == 0 {
		t.Errorf("task %+v, error %v", task, err)
	}
}
