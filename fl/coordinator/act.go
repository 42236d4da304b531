package coordinator

import (
	"context"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/round"
)

// How long an action that did not succeed rests: the first time, and at most.
// Transactions are wanted soon, since others wait for them.
const (
	firstRest = 500 * time.Millisecond
	shortRest = 4 * time.Second
	longRest  = 30 * time.Second
)

// lastTries is how often an action is tried once the job has ended: nothing
// depends on it any more, and what it wants may be gone for ever.
const lastTries = 8

// quiet is how long a worker that nothing wakes does not look.
const quiet = 10 * time.Second

// rest is what an action does after it failed.
type rest struct {
	failures int
	until    time.Time
}

// restAfter doubles the rest with each failure.
func restAfter(failures int, longest time.Duration) time.Duration {
	return min(firstRest<<min(failures-1, 10), longest)
}

// pause waits for a while, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// each splits a fetch into one for each peer: a file that is nowhere must not
// hold up the others, nor a new one have all of them fetched again.
func each(actions []round.Action) []round.Action {
	var all []round.Action
	for _, a := range actions {
		f, ok := a.(round.Fetch)
		if !ok {
			all = append(all, a)
			continue
		}
		for _, peer := range f.Peers {
			all = append(all, round.Fetch{Round: f.Round, Attempt: f.Attempt, Peers: []ledger.ID{peer}})
		}
	}
	return all
}

// begin starts the actions that are not under way and do not rest. It reports
// whether any is left to be done, and the log time at which to look again, 0
// for none.
func (w *worker) begin(ctx context.Context, s round.Snapshot, actions []round.Action) (pending bool, wake int64) {
	named := map[string]bool{}
	for _, a := range each(actions) {
		if at, ok := a.(round.Wake); ok {
			wake, pending = at.At, true
			continue
		}
		key := a.Key()
		if named[key] {
			continue
		}
		named[key] = true
		r := w.resting[key]
		if s.Job.State.Terminal() && r.failures >= lastTries {
			continue
		}
		pending = true
		if w.underWay[key] || w.config.Now().Before(r.until) {
			continue
		}
		w.underWay[key] = true
		longest := longRest
		if _, ok := a.(round.Submit); ok {
			longest = shortRest
		}
		go func() {
			apply, err := w.perform(ctx, s, a)
			w.done <- outcome{key: key, longest: longest, apply: apply, err: err}
		}()
	}
	for key, r := range w.resting {
		if !named[key] && !w.config.Now().Before(r.until) {
			delete(w.resting, key)
		}
	}
	return pending, wake
}

// wait returns when something may be due again, or ctx has ended.
func (w *worker) wait(ctx context.Context, wake int64) {
	timer := time.NewTimer(w.patience(wake))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-w.bell.rung:
	case o := <-w.done:
		for more := true; more; { // what has ended together is looked at once
			w.finish(ctx, o)
			select {
			case o = <-w.done:
			default:
				more = false
			}
		}
	case <-timer.C:
		if wake == 0 || w.config.Now().UnixMilli() < wake {
			return
		}
		if err := w.config.Ledger.Wake(ctx, wake); err != nil && ctx.Err() == nil {
			w.logger().Warn("log time does not move on", "wanted", wake, "error", err)
			pause(ctx, firstRest)
		}
	}
}

// patience is how long to wait when nothing happens: until log time can reach
// wake, or until the first resting action may be tried again.
func (w *worker) patience(wake int64) time.Duration {
	now := w.config.Now()
	d := quiet
	if wake != 0 {
		d = min(d, time.UnixMilli(wake).Sub(now))
	}
	for _, r := range w.resting {
		if r.until.After(now) {
			d = min(d, r.until.Sub(now))
		}
	}
	return max(d, 5*time.Millisecond)
}

func (w *worker) finish(ctx context.Context, o outcome) {
	delete(w.underWay, o.key)
	if o.err == nil {
		delete(w.resting, o.key)
	} else {
		failures := w.resting[o.key].failures + 1
		w.resting[o.key] = rest{failures: failures, until: w.config.Now().Add(restAfter(failures, o.longest))}
		if ctx.Err() == nil {
			w.logger().Info("not done yet", "action", o.key, "error", o.err)
		}
	}
	if o.apply != nil {
		o.apply(w)
	}
}
