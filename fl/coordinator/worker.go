package coordinator

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/round"
)

// retryAfter is how long an action that did not succeed rests.
const retryAfter = 500 * time.Millisecond

// worker does what is due for one job.
type worker struct {
	*Service
	id       ledger.Digest
	facts    round.Facts
	underWay map[string]bool
	resting  map[string]time.Time // until when a failed action rests
	done     chan outcome
}

// outcome is the end of an action.
type outcome struct {
	key   string
	err   error
	apply func(*round.Facts) // nil: nothing to remember
}

func newWorker(s *Service, id ledger.Digest) *worker {
	w := &worker{
		Service: s, id: id, underWay: map[string]bool{}, resting: map[string]time.Time{},
		done: make(chan outcome),
	}
	w.facts.Node = s.config.Self
	return w
}

// work follows a job until it has ended and nothing is left to do.
func (s *Service) work(ctx context.Context, id ledger.Digest) error {
	w := newWorker(s, id)
	defer w.drain()
	for {
		changed := s.config.Ledger.Changed()
		snapshot, actions, err := w.decide(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // ctx has ended: that it broke off is no error
		}
		if err != nil {
			return fmt.Errorf("follow job %s: %w", id.Short(), err)
		}
		wake := w.begin(ctx, snapshot, actions)
		if snapshot.Job.State.Terminal() && len(actions) == 0 && len(w.underWay) == 0 {
			s.settle(id)
			return nil
		}
		if !w.wait(ctx, changed, wake) {
			return nil
		}
	}
}

// decide returns what is due now, and the snapshot it follows from. For a
// suspended node nothing is: whatever it submitted would be refused, again and
// again.
func (w *worker) decide(ctx context.Context) (round.Snapshot, []round.Action, error) {
	snapshot, suspended, err := w.snapshot()
	if err != nil || suspended {
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
}

// snapshot reads the job, and whether this node is suspended.
func (w *worker) snapshot() (snapshot round.Snapshot, suspended bool, err error) {
	err = w.config.Ledger.View(func(state contract.Range, logTime int64) error {
		loaded, ok, err := round.Load(state, w.id, logTime)
		if err == nil && !ok {
			err = fmt.Errorf("%w: job %s", ErrNotFound, w.id)
		}
		if err != nil {
			return err
		}
		snapshot = loaded
		suspended, err = governance.IsSuspended(state, w.config.Self)
		return err
	})
	return snapshot, suspended, err
}

// refresh brings the facts up to date with the snapshot.
func (w *worker) refresh(ctx context.Context, s *round.Snapshot) error {
	if w.facts.Started == 0 {
		// Log time stands still while the whole network is down, so the own
		// clock says when this process began.
		w.facts.Started = max(s.LogTime, w.config.Now().UnixMilli())
	}
	online, err := w.online()
	if err != nil {
		return err
	}
	w.facts.Online = online
	held := make([]ledger.ID, 0, len(s.Answers))
	for _, a := range s.Answers {
		if a.State != fl.UpdateSubmitted {
			continue
		}
		_, ok, err := w.config.Blobs.Has(ctx, a.Digest)
		if err != nil {
			return err
		}
		if ok {
			held = append(held, a.Peer)
		}
	}
	w.facts.Held = held
	w.facts.Missing = slices.DeleteFunc(w.facts.Missing, func(id ledger.ID) bool { return slices.Contains(held, id) })
	return nil
}

// begin starts the actions that are not under way and do not rest, and
// returns the log time at which to look again, 0 for none.
func (w *worker) begin(ctx context.Context, s round.Snapshot, actions []round.Action) (wake int64) {
	for _, a := range actions {
		if at, ok := a.(round.Wake); ok {
			wake = at.At
			continue
		}
		key := a.Key()
		if w.underWay[key] || w.config.Now().Before(w.resting[key]) {
			continue
		}
		w.underWay[key] = true
		go func() {
			apply, err := w.perform(ctx, s, a)
			w.done <- outcome{key: key, apply: apply, err: err}
		}()
	}
	return wake
}

// wait returns when something may be due again, false when ctx has ended.
func (w *worker) wait(ctx context.Context, changed <-chan struct{}, wake int64) bool {
	timer := time.NewTimer(w.patience(wake))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-changed:
	case o := <-w.done:
		w.finish(ctx, o)
	case <-timer.C:
		if wake != 0 && w.config.Now().UnixMilli() >= wake {
			if err := w.config.Ledger.Wake(ctx, wake); err != nil && ctx.Err() == nil {
				w.logger().Warn("log time does not move on", "wanted", wake, "error", err)
			}
		}
	}
	return true
}

// patience is how long to wait when nothing happens: until log time can reach
// wake, until the first resting action may be tried again, a second at most,
// since peers come and go without a word on the ledger.
func (w *worker) patience(wake int64) time.Duration {
	now := w.config.Now()
	d := time.Second
	if wake != 0 {
		d = min(d, time.UnixMilli(wake).Sub(now))
	}
	for _, at := range w.resting {
		if at.After(now) {
			d = min(d, at.Sub(now))
		}
	}
	return max(d, 5*time.Millisecond)
}

func (w *worker) finish(ctx context.Context, o outcome) {
	delete(w.underWay, o.key)
	delete(w.resting, o.key)
	if o.err != nil {
		w.resting[o.key] = w.config.Now().Add(retryAfter)
		if ctx.Err() == nil {
			w.logger().Info("not done yet", "action", o.key, "error", o.err)
		}
	}
	if o.apply != nil {
		o.apply(&w.facts)
	}
}
