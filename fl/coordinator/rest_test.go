package coordinator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/round"
)

// watched counts how often files are asked for, and fails while it is told to.
type watched struct {
	blob.Store

	mu   sync.Mutex
	gets map[ledger.Digest]int
	has  error
}

func (w *watched) Get(ctx context.Context, digest ledger.Digest) (blob.Blob, error) {
	w.mu.Lock()
	w.gets[digest]++
	w.mu.Unlock()
	return w.Store.Get(ctx, digest)
}

func (w *watched) Has(ctx context.Context, digest ledger.Digest) (int64, bool, error) {
	w.mu.Lock()
	err := w.has
	w.mu.Unlock()
	if err != nil {
		return 0, false, err
	}
	return w.Store.Has(ctx, digest)
}

func (w *watched) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.has = err
}

func (w *watched) asked(digest ledger.Digest) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gets[digest]
}

// watch puts a watched store in the place of a node's.
func (f *fleet) watch(node int) *watched {
	w := &watched{Store: f.blobs[node], gets: map[ledger.Digest]int{}}
	f.blobs[node] = w
	f.restart()
	for _, s := range f.services {
		_ = s.Stepper(f.id)
	}
	return w
}

// submit has a peer submit an update that is the model with a byte changed.
func (f *fleet) submit(ctx context.Context, i int) (ledger.Digest, error) {
	update, err := f.model()
	if err != nil {
		return ledger.Digest{}, err
	}
	update[len(update)-4] ^= byte(i + 1)
	digest, size, err := f.blobs[0].Put(ctx, bytes.NewReader(update), int64(len(update)))
	if err != nil {
		return digest, err
	}
	receipts, err := f.services[0].Receipts(ctx, contracttest.ID(contracttest.Peer(i)), f.id, 1, digest, uint64(size))
	if err != nil {
		return digest, err
	}
	return digest, f.must(contracttest.Peer(i), fl.MethodSubmitUpdate, &fl.SubmitUpdate{
		Job: f.id, Round: 1, Attempt: 1, Digest: digest, Size: uint64(size), NumExamples: 1, Receipts: receipts,
	})
}

// lose deletes a file everywhere.
func (f *fleet) lose(ctx context.Context, digest ledger.Digest) error {
	for _, store := range f.blobs {
		if err := store.Delete(ctx, digest); err != nil && !errors.Is(err, blob.ErrNotFound) {
			return err
		}
	}
	return nil
}

// TestLostUpdateIsTriedEverLessOften loses an update of an open round; another
// one that comes meanwhile has nothing tried again.
func TestLostUpdateIsTriedEverLessOften(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := attended(t, 2, 2, 3)
		store := f.watch(1)
		if err := f.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		lost, err := f.submit(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.lose(t.Context(), lost); err != nil {
			t.Fatal(err)
		}
		before := store.asked(lost)
		f.restart()
		stop := f.run(t.Context())
		<-time.After(30 * time.Second)
		if _, err := f.submit(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		<-time.After(15 * time.Second)
		// At 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s; node 0 asks this store as often.
		if n := store.asked(lost) - before; n < 7 || n > 16 {
			t.Errorf("the lost update was asked for %d times in 45 s, want some 14", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestEndedJobIsLeftAlone has a node come back to a finished job whose last
// round it never attested and whose updates are gone.
func TestEndedJobIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, err := newFleet(t.Context(), 4, 4, 2, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		f.spec.NumRounds = 1
		if err := f.create(); err != nil {
			t.Fatal(err)
		}
		store := f.watch(3)
		if err := f.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		var lost []ledger.Digest
		for i := range 2 {
			digest, err := f.submit(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			lost = append(lost, digest)
		}
		if err := f.finish(); err != nil {
			t.Fatal(err)
		}
		for _, digest := range lost {
			if err := f.lose(t.Context(), digest); err != nil {
				t.Fatal(err)
			}
		}
		f.restart()
		before := store.asked(lost[0])
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.services[3].Run(ctx) }()
		<-time.After(time.Hour)
		// Once in each of 8 attempts, and again in one where another fetch ended meanwhile.
		if n := store.asked(lost[0]) - before; n < 8 || n > 16 {
			t.Errorf("the node asked for the lost update %d times, want 8 to 16", n)
		}
		views := f.count()
		<-time.After(time.Hour)
		if n := f.count() - views; n != 0 {
			t.Errorf("the state was looked at %d times in an hour after all was done", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func (f *fleet) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.views
}

// finish has nodes 0 to 2 agree on a result and end the job.
func (f *fleet) finish() error {
	node := contracttest.Node
	closed := fl.CloseRound{Job: f.id, Round: 1, Attempt: 1, Term: 1}
	s, _, err := round.Load(f.ledger, f.id, f.ledger.Now)
	if err != nil {
		return err
	}
	closed.Set = s.Set()
	if err := f.must(node(0), fl.MethodCloseRound, &closed); err != nil {
		return err
	}
	model := round.File{Digest: ledger.Digest{7}, Size: 100}
	c, err := s.Result(nil, nil, model, round.File{})
	if err != nil {
		return err
	}
	err = f.must(node(0), fl.MethodCommitRound, &fl.CommitRound{
		Job: f.id, Round: 1, Attempt: 1, Term: 1, Set: c.Set, Weights: c.Weights, Model: model.Digest, ModelSize: model.Size,
	})
	for i := 1; i < 3 && err == nil; i++ {
		err = f.must(node(i), fl.MethodAttestRound, &fl.AttestRound{
			Job: f.id, Round: 1, Attempt: 1, Term: 1, Set: c.Set, Weights: c.Weights, Model: model.Digest,
		})
	}
	if err != nil {
		return err
	}
	return f.must(node(0), fl.MethodCloseJob, &fl.CloseJob{
		Job: f.id, Round: 1, Term: 1, State: job.StateFinished, Model: model.Digest, ModelSize: model.Size,
		Card: ledger.Digest{8}, CardSize: 1,
	})
}

// TestIdleJobsAreLeftAlone counts how often the state is looked at when
// something happens in one of many jobs.
func TestIdleJobsAreLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, err := newFleet(t.Context(), 4, 4, 1, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		f.spec.MinAvailablePeers, f.spec.MinTrainPeers = 2, 2 // one more than there are
		create := func(i int) {
			if err := f.must("alice", fl.MethodCreateJob, &fl.CreateJob{Key: fmt.Append(nil, i), Spec: f.spec}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range fl.MaxActiveJobs - 1 {
			create(i)
		}
		stop := f.run(t.Context())
		<-time.After(time.Second)
		before := f.count()
		create(fl.MaxActiveJobs - 1)
		synctest.Wait()
		// At each node: the decision, and that after the term's transaction; who is
		// there.
		if n := f.count() - before; n > 40 {
			t.Errorf("the state was looked at %d times for one new job among %d", n, fl.MaxActiveJobs)
		}
		for i, s := range f.blobs { // no peers, no model
			model, err := f.model()
			if err != nil {
				t.Fatal(err)
			}
			if _, ok, err := s.Has(t.Context(), ledger.Hash(model)); ok || err != nil {
				t.Errorf("node %d made the initial model of a job without peers, error %v", i, err)
			}
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestFaultyDiskEndsNothing fails each look at the files for a while.
func TestFaultyDiskEndsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := attended(t, 1, 1, 1)
		store := f.watch(0)
		if err := f.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := f.submit(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		store.fail(errors.New("input/output error"))
		f.restart()
		stop := f.run(t.Context())
		<-time.After(5 * time.Second)
		if j, err := f.job(); err != nil || j.Finals != 0 {
			t.Errorf("job %+v, error %v; want no final round", j, err)
		}
		store.fail(nil)
		<-time.After(10 * time.Second)
		if j, err := f.job(); err != nil || j.Finals != 1 {
			t.Errorf("job %+v, error %v; want its round final", j, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
