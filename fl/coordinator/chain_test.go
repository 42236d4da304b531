package coordinator_test

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/librum/librum/chain/identity"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fl/job"
)

// TestServicesDrawCohorts runs a job that asks half of its peers, over nodes that
// all stop in the middle and come back with nothing but their keys, one of which
// has changed.
func TestServicesDrawCohorts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const peers = 4
		f, err := newFleet(t.Context(), 4, 4, peers, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		f.spec.FractionTrain, f.spec.MinTrainPeers, f.spec.NumRounds = 0.5, 2, 4
		if err := f.create(); err != nil {
			t.Fatal(err)
		}
		work := func() (stop func()) {
			ctx, cancel := context.WithCancel(t.Context())
			var working sync.WaitGroup
			for i := range peers {
				working.Go(func() {
					for ctx.Err() == nil {
						if err := f.peer(ctx, i, i); err != nil && ctx.Err() == nil {
							t.Errorf("peer %d: %v", i, err)
							return
						}
					}
				})
			}
			return func() { cancel(); working.Wait() }
		}
		stop := f.run(t.Context())
		// A round opens once a quorum has chains; whose comes later withholds in it.
		for i := range 4 {
			for !hasChain(t, f, i) {
				<-time.After(50 * time.Millisecond)
			}
		}
		leave := work()
		for finals(t, f) < 2 {
			<-time.After(50 * time.Millisecond)
		}
		leave()
		if err := stop(); err != nil {
			t.Error(err)
		}
		f.restart()
		f.services[1] = changedKey(f, 1)
		stop, leave = f.run(t.Context()), work()
		j := settled(t, f)
		leave()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if j.State != job.StateFinished || j.Finals != 4 {
			t.Fatalf("the job ended as %+v", j)
		}
		for number := uint64(1); number <= 4; number++ {
			draw, ok, err := fl.LoadDraw(f.chain, f.id, number)
			if err != nil || !ok || draw.Drawn == 0 || len(draw.Withheld()) > 0 {
				t.Errorf("round %d was drawn as %+v, %v", number, draw, err)
			}
			cohort, ok, err := fl.LoadCohort(f.chain, f.id, number)
			if err != nil || !ok || len(cohort.Peers) != 2 {
				t.Errorf("round %d asked %+v, %v", number, cohort, err)
			}
		}
		for i := range 4 { // nobody lost its chain
			c, ok, err := fl.LoadHashChain(f.chain, contracttest.ID(contracttest.Node(i)))
			if err != nil || !ok || c.Number != 1 || c.Next != 5 {
				t.Errorf("node %d has chain %+v, %v", i, c, err)
			}
		}
	})
}

// hasChain reports whether a node has committed to its hash chain.
func hasChain(t *testing.T, f *fleet, node int) bool {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok, err := fl.LoadHashChain(f.chain, contracttest.ID(contracttest.Node(node)))
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// changedKey returns the service of a node that goes on with another key and keeps
// the one before.
func changedKey(f *fleet, i int) *coordinator.Service {
	name := contracttest.Node(i)
	return coordinator.New(coordinator.Config{
		Self: contracttest.ID(name), Key: identity.KeyFromSeed(sha256.Sum256([]byte("another key " + name))),
		OtherKeys: []*identity.Key{identity.KeyFromSeed(sha256.Sum256([]byte("key " + name)))}, Genesis: &f.genesis,
		Chain: f.ledger.Chain, Ledger: seat{f.chain, contracttest.ID(name)}, Blobs: f.blobs[i], Mesh: f.mesh, Now: f.now,
		Logger: slog.New(slog.DiscardHandler), Threads: 1,
	})
}

func finals(t *testing.T, f *fleet) uint64 {
	t.Helper()
	j, err := f.job()
	if err != nil {
		t.Fatal(err)
	}
	return j.Finals
}
