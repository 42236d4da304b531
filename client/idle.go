package client

import (
	"context"
	"errors"
	"io"
	"time"
)

// errIdle ends a transfer that stands still.
var errIdle = errors.New("nothing moved for too long")

// watch returns a context that ends when touch was not called for d.
func watch(ctx context.Context, d time.Duration) (_ context.Context, touch, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(d, func() { cancel(errIdle) })
	return ctx, func() { timer.Reset(d) }, func() {
		timer.Stop()
		cancel(nil)
	}
}

// moving calls touch for every read that brings something.
type moving struct {
	io.Reader

	touch func()
}

// Read implements [io.Reader].
func (m *moving) Read(b []byte) (int, error) {
	n, err := m.Reader.Read(b)
	if n > 0 {
		m.touch()
	}
	return n, err
}
