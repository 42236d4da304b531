package node

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/librum/librum/chain/store"
)

// awayRetry is the rest between two attempts at a store that does not answer.
const awayRetry = 100 * time.Millisecond

// patience has whoever can't go on without the store wait while it is away, and
// knows for how long there was no answer. It is safe for concurrent use.
type patience struct {
	calls atomic.Int64 // under way
	since atomic.Int64 // when the first of them began, or the store last answered; unix ns
}

// do calls until the store has answered or ctx ends.
func (p *patience) do(ctx context.Context, call func() error) error {
	if p.calls.Load() == 0 { // before it counts: whoever looks in between sees no wait
		p.since.Store(time.Now().UnixNano())
	}
	p.calls.Add(1)
	defer p.calls.Add(-1)
	for {
		err := call()
		if !errors.Is(err, store.ErrAway) {
			if p.calls.Load() > 1 {
				p.since.Store(time.Now().UnixNano())
			}
			return err
		}
		rest := time.NewTimer(awayRetry)
		select {
		case <-rest.C:
		case <-ctx.Done():
			rest.Stop()
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// waited returns how long the calls under way have been waiting by now.
func (p *patience) waited() time.Duration {
	if p.calls.Load() == 0 {
		return 0
	}
	return max(0, time.Duration(time.Now().UnixNano()-p.since.Load()))
}

// Patiently calls until the store has answered or ctx ends, for those who would
// fail for nothing else than a store that is away.
func (n *Node) Patiently(ctx context.Context, call func() error) error {
	var own patience // it is not the node that waits
	return own.do(ctx, call)
}

// StoreWait returns how long the node has been waiting for its store by now: for a
// row that execution needs, or for a block or signature to be kept. More than
// moments mean that the store is away; the node goes on when it is back.
func (n *Node) StoreWait() time.Duration {
	return max(n.keeping.waited(), n.core.base.patience.waited())
}

// LogWait returns how long the node has been waiting by now for the log to take a
// record. More than moments mean that the log is away; the node goes on when it is
// back.
func (n *Node) LogWait() time.Duration { return n.appending.waited() }
