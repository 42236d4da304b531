package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/librum/librum/chain/ledger"
)

// errDraining ends waits while the server shuts down.
var errDraining = errors.New("the server is shutting down")

// What the request's context carries.
type (
	controlKey struct{} // *http.ResponseController
	drainKey   struct{} // context.Context that ends when the server drains
)

// slack is what an answer may take after its wait is over.
const slack = 10 * time.Second

// extend moves the connection's deadlines so that the handler may take d.
// Once the body is read a read deadline must go: net/http would take its
// passing for the client's leaving.
func extend(ctx context.Context, d time.Duration) {
	control, ok := ctx.Value(controlKey{}).(*http.ResponseController)
	if !ok {
		return
	}
	// A writer without deadlines belongs to a test; it has nothing to extend.
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Now().Add(d + slack))
}

// bounded returns a context for work of at most d.
func bounded(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	extend(ctx, d)
	return context.WithTimeout(ctx, d)
}

// waiting returns a context for a wait of at most d for something that may
// never come, which ends early when the server drains.
func waiting(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancelTimeout := bounded(ctx, d)
	ctx, cancel := drained(ctx)
	return ctx, func() {
		cancel()
		cancelTimeout()
	}
}

// drained returns a context that ends when the server drains.
func drained(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	drain, ok := ctx.Value(drainKey{}).(context.Context)
	if !ok {
		return ctx, func() { cancel(nil) }
	}
	stop := context.AfterFunc(drain, func() { cancel(errDraining) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// places bounds how many do something at once, and gives no member more than a
// share of them: one that takes all it can leaves places for the others.
type places struct {
	most, share int

	mu    sync.Mutex
	taken int
	by    map[ledger.ID]int // of each member that has some
}

func newPlaces(most int) *places {
	return &places{most: most, share: max(1, most/16), by: map[ledger.ID]int{}}
}

// enter takes a place for a member.
func (p *places) enter(member ledger.ID) (leave func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken >= p.most || p.by[member] >= p.share {
		return nil, fail("too_many_waits", "try again in a few seconds").retry(5 * time.Second)
	}
	p.taken++
	p.by[member]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.taken--
		if p.by[member]--; p.by[member] == 0 {
			delete(p.by, member)
		}
	}, nil
}

// open returns how many places are taken.
func (p *places) open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

// steadyWriter lets a transfer take as long as it moves on, no slower than rate
// once idle has passed: a reader who dribbles would hold connection and file for
// ever.
type steadyWriter struct {
	http.ResponseWriter

	control *http.ResponseController
	idle    time.Duration
	rate    int64 // bytes a second

	begun time.Time
	moved time.Time
	sent  int64
}

// Write implements [io.Writer].
func (w *steadyWriter) Write(b []byte) (int, error) {
	now := time.Now()
	if w.begun.IsZero() {
		w.begun = now
	}
	if now.Sub(w.moved) > w.idle/32 { // a deadline costs a lock or two
		w.moved = now
		_ = w.control.SetWriteDeadline(paced(w.begun, now, w.idle, w.sent, w.rate)) // see extend
	}
	n, err := w.ResponseWriter.Write(b)
	w.sent += int64(n)
	return n, err
}

// paced returns until when the next bytes of a transfer must move.
func paced(begun, now time.Time, idle time.Duration, moved, rate int64) time.Time {
	earned := time.Duration(float64(moved) / float64(rate) * float64(time.Second))
	if next := now.Add(idle); next.Before(begun.Add(idle + earned)) {
		return next
	}
	return begun.Add(idle + earned)
}

// steadyReader lets a body take its time as long as it moves on, no slower
// than rate once idle has passed, and for most at most: a sender who dribbles
// would hold connection and upload for ever.
type steadyReader struct {
	io.Reader

	control *http.ResponseController
	idle    time.Duration
	rate    int64 // bytes a second
	most    time.Duration

	begun    time.Time
	moved    time.Time
	received int64
}

// Read implements [io.Reader].
func (r *steadyReader) Read(b []byte) (int, error) {
	now := time.Now()
	if r.begun.IsZero() {
		r.begun = now
	}
	if now.Sub(r.moved) > r.idle/32 { // a deadline costs a lock or two
		r.moved = now
		_ = r.control.SetReadDeadline(r.deadline(now)) // see extend
		_ = r.control.SetWriteDeadline(now.Add(2*r.idle + slack))
	}
	n, err := r.Reader.Read(b)
	r.received += int64(n)
	return n, err
}

// deadline returns until when the next bytes must come.
func (r *steadyReader) deadline(now time.Time) time.Time {
	if last := r.begun.Add(r.most); last.Before(now.Add(r.idle)) {
		now = last.Add(-r.idle)
	}
	return paced(r.begun, now, r.idle, r.received, r.rate)
}
