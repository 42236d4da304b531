package coordinator_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/card"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fl/job"
)

// settled runs in a bubble: it waits until nothing happens but the passing of
// time, and lets it pass until the job has ended.
func settled(t *testing.T, f *fleet) *fl.Job {
	t.Helper()
	for range 10_000 {
		synctest.Wait()
		j, err := f.job()
		if err != nil {
			t.Fatal(err)
		}
		if j.State.Terminal() {
			return j
		}
		<-time.After(100 * time.Millisecond)
	}
	t.Fatal("the job does not end")
	return nil
}

// TestServicesRunAJob runs four coordinators as they run in production, but in
// synctest's time.
func TestServicesRunAJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, err := newFleet(t.Context(), 4, 4, 3, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		stop := f.run(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		var peers sync.WaitGroup
		for i := range 3 {
			peers.Go(func() {
				for ctx.Err() == nil {
					if err := f.peer(ctx, i, i); err != nil && ctx.Err() == nil {
						t.Errorf("peer %d: %v", i, err)
						return
					}
				}
			})
		}
		if err := f.create(); err != nil { // while they run: they hear of it by its event
			t.Fatal(err)
		}
		j := settled(t, f)
		cancel()
		peers.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if j.State != job.StateFinished || j.Finals != 2 {
			t.Fatalf("the job ended as %+v", j)
		}
		checkCard(t, f, j)
	})
}

// checkCard reads the card at every node, from whichever has it.
func checkCard(t *testing.T, f *fleet, j *fl.Job) {
	t.Helper()
	for i, s := range f.services {
		b, err := s.Card(t.Context(), f.id)
		if err != nil {
			t.Fatalf("node %d: %v", i, err)
		}
		if ledger.Hash(b) != j.Card {
			t.Errorf("node %d: the card has digest %s, want %s", i, ledger.Hash(b), j.Card)
		}
		var got card.Card
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if got.Model.Digest != j.Model || len(got.Rounds) != 2 || len(got.Participants) != 3 || got.Aggregator.Quorum != 3 {
			t.Errorf("node %d: card %+v", i, got)
		}
		for _, p := range got.Participants {
			if p.Rounds != 2 || p.NumExamples < 1 || p.NumExamples > 3 {
				t.Errorf("node %d: participant %+v", i, p)
			}
		}
	}
}

// TestServicesFindTheJobAfterARestart starts them when the job is there already.
func TestServicesFindTheJobAfterARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, err := newFleet(t.Context(), 4, 4, 2, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.create(); err != nil {
			t.Fatal(err)
		}
		if err := f.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 { // nothing is lost by stopping once more
			stop := f.run(t.Context())
			synctest.Wait()
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			f.restart()
		}
		stop := f.run(t.Context())
		for range 2 {
			for i := range 2 {
				if err := f.peer(t.Context(), i, i+1); err != nil {
					t.Fatal(err)
				}
			}
		}
		j := settled(t, f)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if j.State != job.StateFinished || j.Finals != 2 {
			t.Errorf("the job ended as %+v", j)
		}
	})
}

func TestCardOfAnUnfinishedJob(t *testing.T) {
	t.Parallel()
	f, err := newFleet(t.Context(), 1, 1, 1, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.services[0].Card(t.Context(), f.id); !errors.Is(err, coordinator.ErrNotFound) {
		t.Errorf("the card of no job: %v, want %v", err, coordinator.ErrNotFound)
	}
	if err := f.create(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.services[0].Card(t.Context(), f.id); !errors.Is(err, coordinator.ErrNotFound) {
		t.Errorf("the card of a waiting job: %v, want %v", err, coordinator.ErrNotFound)
	}
}

// TestStepperOfNoJob asks for what is due in a job that does not exist.
func TestStepperOfNoJob(t *testing.T) {
	t.Parallel()
	f, err := newFleet(t.Context(), 1, 1, 1, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.services[0].Stepper(ledger.Digest{1}).Step(t.Context()); !errors.Is(err, coordinator.ErrNotFound) {
		t.Errorf("error %v, want %v", err, coordinator.ErrNotFound)
	}
}

// TestPeersCountAsOnlineForAMinute lets a job wait for peers that were heard of
// long ago: only when they poll again is the round opened.
func TestPeersCountAsOnlineForAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, err := newFleet(t.Context(), 1, 1, 2, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		hear := func() {
			for i := range 2 {
				if task, err := f.services[0].TaskNow(t.Context(), contracttest.ID(contracttest.Peer(i))); err != nil || task != nil {
					t.Fatalf("task %+v, error %v", task, err)
				}
			}
		}
		hear()
		<-time.After(61 * time.Second)
		if err := f.create(); err != nil {
			t.Fatal(err)
		}
		stop := f.run(t.Context())
		<-time.After(5 * time.Second)
		if j, err := f.job(); err != nil || j.State != job.StateWaiting || j.Round != 0 {
			t.Errorf("job %+v, error %v; want it waiting", j, err)
		}
		hear()
		<-time.After(5 * time.Second)
		if j, err := f.job(); err != nil || j.State != job.StateRunning || j.Round != 1 {
			t.Errorf("job %+v, error %v; want its first round open", j, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
