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
	t.mu.Lock()
	// What takes begin away is in the group before anybody can add a task to it, and
	// is its last to end but for tasks: an empty group must not be added to while
	// it is waited for.
	group.Go(func() error {
		<-ctx.Done()
		t.mu.Lock()
		defer t.mu.Unlock()
		t.begin = nil
		return nil
	})
	t.begin = func(task func(context.Context)) {
		group.Go(func() error {
			task(ctx)
			return nil
		})
	}
	t.mu.Unlock()
	return group.Wait()
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
