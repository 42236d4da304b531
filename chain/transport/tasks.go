package transport

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Tasks is work for other nodes that nobody waits for, owned by Run.
type Tasks struct {
	mu    sync.Mutex
	begin func(task func(context.Context)) // nil while Run does not run
}

// Run carries out tasks until ctx ends, and waits for them.
func (t *Tasks) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	t.set(func(task func(context.Context)) {
		group.Go(func() error {
			task(ctx)
			return nil
		})
	})
	group.Go(func() error {
		<-ctx.Done()
		t.set(nil)
		return nil
	})
	return group.Wait()
}

func (t *Tasks) set(begin func(func(context.Context))) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begin = begin
}

// Go begins a task, and reports whether it did: not before Run and after it.
func (t *Tasks) Go(task func(context.Context)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.begin == nil {
		return false
	}
	t.begin(task)
	return true
}
