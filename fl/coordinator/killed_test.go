package coordinator_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fl/job"
)

// killing is the chain as a node sees it that dies at a transition: before its
// transaction is on the log, or after and before it hears of that.
type killing struct {
	seat
	lives *lives
	die   context.CancelFunc
}

func (k killing) Submit(ctx context.Context, method string, args any) (ledger.Code, string, error) {
	if k.lives.strikes(method, false) {
		k.die()
		<-ctx.Done()
		return "", "", ctx.Err()
	}
	code, detail, err := k.seat.Submit(ctx, method, args)
	if err == nil && code == ledger.CodeOK && k.lives.strikes(method, true) {
		k.die()
		<-ctx.Done()
		return "", "", ctx.Err()
	}
	return code, detail, err
}

// lives are the services of a fleet, of which the first to come to a transition is
// killed once and begins anew after a while.
type lives struct {
	*fleet
	method string
	after  bool
	down   time.Duration

	guard  sync.Mutex
	struck bool
	nodes  [4]living
}

// living is a node's service and how long it lives; nil while it is down.
type living struct {
	service *coordinator.Service
	life    context.Context // a connection to it ends with it
}

func (l *lives) strikes(method string, after bool) bool {
	l.guard.Lock()
	defer l.guard.Unlock()
	if l.struck || method != l.method || after != l.after {
		return false
	}
	l.struck = true
	return true
}

func (l *lives) put(node int, n living) {
	l.guard.Lock()
	defer l.guard.Unlock()
	l.nodes[node] = n
}

// near returns the first node that is up, from one on.
func (l *lives) near(node int) (n living, up bool) {
	l.guard.Lock()
	defer l.guard.Unlock()
	for i := range l.nodes {
		if n = l.nodes[(node+i)%len(l.nodes)]; n.service != nil {
			return n, true
		}
	}
	return n, false
}

// live runs a node's service, again after it was killed, until ctx ends.
func (l *lives) live(ctx context.Context, node int) error {
	for ctx.Err() == nil {
		life, die := context.WithCancel(ctx)
		config := l.config(node)
		config.Ledger = killing{seat{l.chain, config.Self}, l, die}
		s := coordinator.New(config)
		l.put(node, living{s, life})
		if err := s.Run(life); err != nil {
			die()
			return fmt.Errorf("node %d: %w", node, err)
		}
		die()
		l.put(node, living{})
		l.mesh.Leave(config.Self)
		select {
		case <-time.After(l.down):
		case <-ctx.Done():
		}
	}
	return nil
}

// work has a peer answer rounds at whichever node is up, slowly enough that terms
// are renewed meanwhile.
func (l *lives) work(ctx context.Context, i int) {
	for ctx.Err() == nil {
		if n, up := l.near(i); up && l.answer(ctx, i, n) == nil {
			continue
		}
		select { // the node has died, or the ledger has moved on
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// answer has a peer wait for a task at a node and do it, in the time that a poll
// takes at most.
func (l *lives) answer(ctx context.Context, i int, n living) error {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	defer context.AfterFunc(n.life, cancel)() //nolint:contextcheck // the node may die before the test does
	return l.peerAt(ctx, i, n.service, func() {
		select {
		case <-time.After(12 * time.Second):
		case <-ctx.Done():
		}
	})
}

// TestKilledAtEachTransition kills a coordinator at each of its transactions, just
// before and just after, for less than a lease and for more: the job ends with the
// model that it has otherwise, and no term is lost over a commit.
func TestKilledAtEachTransition(t *testing.T) {
	t.Parallel()
	whole := func(*job.Spec) {}
	drawn := func(s *job.Spec) { s.FractionTrain, s.MinTrainPeers = 0.5, 2 }
	for _, c := range []struct {
		method string
		change func(*job.Spec)
	}{
		{fl.MethodTakeTerm, whole},
		{fl.MethodRenewTerm, whole},
		{fl.MethodOpenRound, whole},
		{fl.MethodCloseRound, whole},
		{fl.MethodCommitRound, whole},
		{fl.MethodAttestRound, whole},
		{fl.MethodCloseJob, whole},
		{fl.MethodCommitChain, drawn},
		{fl.MethodReveal, drawn},
		{fl.MethodDrawCohort, drawn},
	} {
		t.Run(c.method, func(t *testing.T) {
			t.Parallel()
			undisturbed := killedAt(t, "", false, 0, c.change)
			for _, after := range []bool{false, true} {
				for _, down := range []time.Duration{3 * time.Second, 2 * fl.Lease * time.Millisecond} {
					if got := killedAt(t, c.method, after, down, c.change); got != undisturbed {
						t.Errorf("killed for %s, after the transaction: %t: model %s, undisturbed %s", down, after, got, undisturbed)
					}
				}
			}
		})
	}
}

// killedAt runs a job of four nodes and peers and returns its model.
func killedAt(t *testing.T, method string, after bool, down time.Duration, change func(*job.Spec)) (model ledger.Digest) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f, err := newFleet(t.Context(), 4, 4, 4, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		change(&f.spec)
		l := &lives{fleet: f, method: method, after: after, down: down}
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				if err := l.live(ctx, i); err != nil {
					t.Error(err)
				}
			})
			group.Go(func() { l.work(ctx, i) })
		}
		if err := f.create(); err != nil {
			t.Fatal(err)
		}
		j := settled(t, f)
		stop()
		group.Wait()
		if j.State != job.StateFinished || j.Finals != 2 || l.struck != (method != "") {
			t.Errorf("the job ended as %s %s after %d rounds, killed: %t", j.State, j.Reason, j.Finals, l.struck)
		}
		for number := uint64(1); number <= j.Finals; number++ {
			if r, ok, err := fl.LoadRound(f.chain, f.id, number); err != nil || !ok || len(r.Lost) > 0 || r.Attempt != 1 {
				t.Errorf("round %d: %+v, %v", number, r, err)
			}
		}
		model = j.Model
	})
	return model
}
