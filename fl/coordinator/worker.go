package coordinator

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/round"
)

// worker does what is due for one job.
type worker struct {
	*Service
	id       ledger.Digest
	bell     *bell
	facts    round.Facts
	chain    heldChain
	missed   map[update]bool // updates that no node handed over
	held     map[update]bool // updates seen here while their round is open
	underWay map[string]bool
	resting  map[string]rest
	done     chan outcome
}

// update names the update of one attempt of a round.
type update struct {
	round, attempt uint64
	peer           ledger.ID
}

// outcome is the end of an action.
type outcome struct {
	key     string
	longest time.Duration // rest
	err     error
	apply   func(*worker) // nil: nothing to remember
}

func newWorker(s *Service, id ledger.Digest, b *bell) *worker {
	w := &worker{
		Service: s, id: id, bell: b, missed: map[update]bool{}, held: map[update]bool{},
		underWay: map[string]bool{}, resting: map[string]rest{}, done: make(chan outcome),
	}
	w.facts.Node = s.config.Self
	return w
}

// work follows a job until it has ended and nothing is left to do. What fails
// at this job ends neither the other jobs nor the node.
func (s *Service) work(ctx context.Context, id ledger.Digest, b *bell) {
	w := newWorker(s, id, b)
	defer w.drain()
	failures := 0
	for ctx.Err() == nil {
		snapshot, actions, err := w.decide(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			failures++
			w.logger().Error("job is not followed for now", "error", err)
			pause(ctx, restAfter(failures, longRest))
			continue
		}
		failures = 0
		pending, wake := w.begin(ctx, snapshot, actions)
		if snapshot.Job.State.Terminal() && !pending && len(w.underWay) == 0 {
			s.settle(id)
			return
		}
		w.wait(ctx, wake)
	}
}

// decide returns what is due now, and the snapshot it follows from. For a node
// that is suspended, or not in the group, nothing is: whatever it submitted would
// be refused, again and again.
func (w *worker) decide(ctx context.Context) (round.Snapshot, []round.Action, error) {
	snapshot, still, err := w.snapshot(ctx)
	if err != nil || still {
		return snapshot, nil, err
	}
	if err := w.refresh(ctx, &snapshot); err != nil {
		return snapshot, nil, err
	}
	return snapshot, round.Decide(snapshot, w.facts), nil
}

// drain waits for actions under way, whose context has ended or which are the
// last ones.
func (w *worker) drain() {
	for len(w.underWay) > 0 {
		o := <-w.done
		delete(w.underWay, o.key)
	}
}

func (s *Service) settle(id ledger.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.workers, id)
	s.settled[id] = true
	maps.DeleteFunc(s.copied, func(at place, _ copies) bool { return at.job == id })
}

// snapshot reads the job, and whether this node is to stand still.
func (w *worker) snapshot(ctx context.Context) (snapshot round.Snapshot, still bool, err error) {
	err = w.config.Ledger.View(ctx, func(state contract.Range, logTime int64) error {
		loaded, ok, err := round.Load(state, w.id, logTime)
		if err == nil && !ok {
			err = fmt.Errorf("%w: job %s", ErrNotFound, w.id)
		}
		if err != nil {
			return err
		}
		snapshot = loaded
		if _, member := snapshot.Group.Find(w.config.Self); !member {
			still = true
			return nil
		}
		still, err = governance.IsSuspended(state, w.config.Self)
		return err
	})
	return snapshot, still, err
}

// refresh brings the facts up to date with the snapshot.
func (w *worker) refresh(ctx context.Context, s *round.Snapshot) error {
	if w.facts.Started == 0 {
		// Log time stands still while the whole network is down, so the own
		// clock says when this process began.
		w.facts.Started = max(s.LogTime, w.config.Now().UnixMilli())
	}
	waits := w.wantsPeers(s)
	w.bell.waits.Store(waits)
	w.facts.Online = nil
	if waits {
		online, err := w.online(ctx)
		if err != nil {
			return err
		}
		w.facts.Online = online
	}
	own, err := w.ownChain(s)
	if err != nil {
		return err
	}
	w.facts.Chain = own
	return w.lookForUpdates(ctx, s)
}

// wantsPeers reports whether this node is to open the job's next round.
func (w *worker) wantsPeers(s *round.Snapshot) bool {
	if s.Job.State.Terminal() || s.Term == nil || s.Term.Holder != w.config.Self || s.Term.Free() {
		return false
	}
	return s.Round == nil || s.Round.State.Over()
}

// lookForUpdates finds out which updates of the attempt are here, and which are
// known to be nowhere. While the round is open, each is looked for until it was
// seen once: one that is lost meanwhile is noticed when the round has closed.
func (w *worker) lookForUpdates(ctx context.Context, s *round.Snapshot) error {
	missed, seen := map[update]bool{}, map[update]bool{}
	w.facts.Held, w.facts.Missing = nil, nil
	for _, a := range s.Answers {
		if a.State != fl.UpdateSubmitted {
			continue
		}
		u := update{s.Job.Round, s.Round.Attempt, a.Peer}
		here := w.held[u] && s.Round.State == job.RoundOpen
		if !here {
			_, ok, err := w.config.Blobs.Has(ctx, a.Digest)
			if err != nil {
				return fmt.Errorf("look for the update of peer %s: %w", a.Peer.Short(), err)
			}
			here = ok
		}
		switch {
		case here:
			seen[u] = true
			w.facts.Held = append(w.facts.Held, a.Peer)
		case w.missed[u]:
			missed[u] = true
			w.facts.Missing = append(w.facts.Missing, a.Peer)
		}
	}
	w.missed, w.held = missed, seen
	return nil
}
