package peer

import (
	"context"
	"errors"
	"time"
)

// errUnwanted ends work on a round that is over.
var errUnwanted = errors.New("the round is over")

// untilUnwanted returns a context that ends with the cause errUnwanted once the
// server says that nobody waits for the task any more: a job that was cancelled
// must not keep the machine busy. stop must be called, and waits for the watch
// to end. A server that does not answer changes nothing.
func (p *Peer) untilUnwanted(ctx context.Context, task *Task) (_ context.Context, stop func()) {
	if p.config.Watch == 0 {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(p.config.Watch)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if wanted, err := p.config.Server.Wanted(ctx, p.config.ID, task); err == nil && !wanted {
					cancel(errUnwanted)
					return
				}
			}
		}
	}()
	return ctx, func() { cancel(nil); <-ended }
}
