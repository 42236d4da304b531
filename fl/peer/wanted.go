package peer

import (
	"context"
	"errors"
	"time"
)

// ErrRoundOver is what a Server answers to an update that its round takes no more.
var ErrRoundOver = errors.New("the round takes no update of the peer any more")

// errUnwanted ends work on a round that is over.
var errUnwanted = errors.New("the round is over")

// untilUnwanted returns a context that ends with the cause errUnwanted once the
// server says that nobody waits for the task any more: a job that was cancelled
// must not keep the machine busy. A server that does not answer changes
// nothing. stop is that of [until].
func (p *Peer) untilUnwanted(ctx context.Context, task *Task) (_ context.Context, stop func()) {
	if p.config.Watch == 0 {
		return ctx, func() {}
	}
	return until(ctx, p.config.Watch, errUnwanted, func(ctx context.Context) bool {
		wanted, err := p.config.Server.Wanted(ctx, p.config.ID, task)
		return err == nil && !wanted
	})
}

// until returns a context that ends with the given cause once over reports
// true; it is asked again and again. stop must be called, and waits for the
// watch to end.
func until(ctx context.Context, every time.Duration, cause error, over func(context.Context) bool) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if over(ctx) {
					cancel(cause)
					return
				}
			}
		}
	}()
	return ctx, func() { cancel(nil); <-ended }
}
