package grpcmesh

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/transport"
	"github.com/librum/librum/fl/coordinator"
)

// How long calls may take.
const (
	callTime = 5 * time.Second
	holdTime = 3 * time.Minute // and as long as the file takes at holdRate
	holdRate = 1 << 20         // bytes a second
)

// Bounds of the calls under way to all other nodes. They are apart, since a node
// that vouches fetches, and together they leave room for all else below what a
// node takes of another at once.
const (
	maxHolds   = 16
	maxFetches = 8
)

// Mesh is one coordinator's place among those of other processes.
type Mesh struct {
	transport *transport.Transport
	logger    *slog.Logger
	tasks     transport.Tasks
	service   atomic.Pointer[coordinator.Service]
	holds     chan struct{} // one in it for each call under way
	fetches   chan struct{}

	mu    sync.Mutex
	wakes map[ledger.ID]*wake
}

// wake is what is under way to one node.
type wake struct{ again bool }

// New returns a mesh without its coordinator.
func New(t *transport.Transport, logger *slog.Logger) *Mesh {
	return &Mesh{
		transport: t, logger: logger,
		holds: make(chan struct{}, maxHolds), fetches: make(chan struct{}, maxFetches),
		wakes: map[ledger.ID]*wake{},
	}
}

// Join implements [coordinator.Mesh]. A process has one coordinator.
func (m *Mesh) Join(s *coordinator.Service) coordinator.Link {
	m.service.Store(s)
	return m
}

// Run carries until ctx ends.
func (m *Mesh) Run(ctx context.Context) error { return m.tasks.Run(ctx) }

// Others implements [coordinator.Link].
func (m *Mesh) Others() []ledger.ID { return m.transport.Others() }

// Hold implements [coordinator.Link].
func (m *Mesh) Hold(ctx context.Context, of ledger.ID, u coordinator.Upload) ([]byte, error) {
	if err := enter(ctx, m.holds); err != nil {
		return nil, fmt.Errorf("wait to ask for a receipt: %w", err)
	}
	defer func() { <-m.holds }()
	var r receipt
	within := min(holdTime+time.Duration(min(u.Size, coordinator.MaxFileBytes)/holdRate)*time.Second, transport.MaxCallTime)
	if err := m.call(ctx, within, of, methodHold, &u, &r); err != nil {
		return nil, fromStatus(err)
	}
	return r.Receipt, nil
}

// Heard implements [coordinator.Link].
func (m *Mesh) Heard(ctx context.Context, of ledger.ID) ([]ledger.ID, error) {
	var p peers
	if err := m.call(ctx, callTime, of, methodHeard, new(transport.Nothing), &p, grpc.MaxCallRecvMsgSize(maxHeardBytes)); err != nil {
		return nil, fromStatus(err)
	}
	if len(p.Peers) > coordinator.MaxHeard {
		return nil, fmt.Errorf("%w: %d peers", ledger.ErrMalformed, len(p.Peers))
	}
	return p.Peers, nil
}

// Wake implements [coordinator.Link].
func (m *Mesh) Wake() {
	others := m.transport.Others()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, to := range others {
		if w := m.wakes[to]; w != nil {
			w.again = true
			continue
		}
		w := new(wake)
		if m.tasks.Go(func(ctx context.Context) { m.wake(ctx, to, w) }) {
			m.wakes[to] = w
		}
	}
}

// wake tells a node, and once more if a peer came meanwhile.
func (m *Mesh) wake(ctx context.Context, to ledger.ID, w *wake) {
	for more := true; more; {
		if err := m.call(ctx, callTime, to, methodWake, new(transport.Nothing), new(transport.Nothing)); err != nil {
			m.logger.Debug("a node was not told that a peer came", "to", to.Short(), "error", err)
		}
		m.mu.Lock()
		if more = w.again && ctx.Err() == nil; !more {
			delete(m.wakes, to)
		}
		w.again = false
		m.mu.Unlock()
	}
}

// enter waits for a place among the calls under way.
func enter(ctx context.Context, under chan struct{}) error {
	select {
	case under <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (m *Mesh) call(ctx context.Context, within time.Duration, to ledger.ID, method string, in, out any, options ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return m.transport.Conn(to).Invoke(ctx, transport.FullMethod(service, method), in, out, options...)
}
