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
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/transport"
)

// Bounds of what is carried to one node (invariant 3).
const (
	signatureQueue = 1_024
	pullQueue      = 256
	pushBatch      = 64 // signatures of one call
	callTime       = 5 * time.Second
	headerTime     = 2 * time.Second
)

// Mesh is one node's place among those of other processes.
type Mesh struct {
	transport *transport.Transport
	logger    *slog.Logger
	tasks     transport.Tasks
	node      atomic.Pointer[node.Node]
	rates     rates

	mu    sync.Mutex
	boxes map[ledger.ID]*outbox
}

// New returns a mesh without its node.
func New(t *transport.Transport, logger *slog.Logger) *Mesh {
	return &Mesh{transport: t, logger: logger, rates: newRates(time.Now), boxes: map[ledger.ID]*outbox{}}
}

// Join implements [node.Mesh]. A process has one node.
func (m *Mesh) Join(n *node.Node) node.Link {
	m.node.Store(n)
	return m
}

// Run carries until ctx ends.
func (m *Mesh) Run(ctx context.Context) error { return m.tasks.Run(ctx) }

// outbox is what waits for one node. Each queue has a task while it is not empty.
type outbox struct {
	signatures chan ledger.HeaderSignature
	pulls      chan uint64

	pushing, pulling bool // under the mesh's lock
}

// boxes of nodes that have left the group are forgotten once there are many.
const maxBoxes = 2 * ledger.MaxGroupNodes

// box returns the outbox of a node; the caller has the lock.
func (m *Mesh) box(to ledger.ID) *outbox {
	b, ok := m.boxes[to]
	if !ok {
		if len(m.boxes) >= maxBoxes {
			clear(m.boxes) // their tasks empty them
		}
		b = &outbox{signatures: make(chan ledger.HeaderSignature, signatureQueue), pulls: make(chan uint64, pullQueue)}
		m.boxes[to] = b
	}
	return b
}

// Push implements [node.Link].
func (m *Mesh) Push(s ledger.HeaderSignature) {
	others := m.transport.Others()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, to := range others {
		b := m.box(to)
		select {
		case b.signatures <- s:
		default: // that node asks again
		}
		if !b.pushing {
			b.pushing = m.tasks.Go(func(ctx context.Context) { m.push(ctx, to, b) })
		}
	}
}

// push sends a node's signatures, as many in a call as have gathered. While a call
// is under way the next gather, so a slow node gets fewer and larger ones.
func (m *Mesh) push(ctx context.Context, to ledger.ID, b *outbox) {
	for {
		batch := take(b.signatures, pushBatch)
		if len(batch) == 0 && m.rest(&b.pushing, func() bool { return len(b.signatures) == 0 }) {
			return
		}
		if len(batch) == 0 {
			continue
		}
		if err := m.call(ctx, callTime, to, methodPush, &signatures{List: batch}, new(transport.Nothing)); err != nil {
			m.logger.Debug("signatures were not delivered; they will be asked for", "to", to.Short(), "signatures", len(batch), "error", err)
		}
	}
}

// Pull implements [node.Link].
func (m *Mesh) Pull(to ledger.ID, height uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.box(to)
	select {
	case b.pulls <- height:
	default: // the group asks again
	}
	if !b.pulling {
		b.pulling = m.tasks.Go(func(ctx context.Context) { m.pull(ctx, to, b) })
	}
}

// pull asks a node for one height after another.
func (m *Mesh) pull(ctx context.Context, to ledger.ID, b *outbox) {
	for {
		heights := take(b.pulls, 1)
		if len(heights) == 0 && m.rest(&b.pulling, func() bool { return len(b.pulls) == 0 }) {
			return
		}
		for _, height := range heights {
			header, list, err := m.ask(ctx, callTime, to, height)
			switch n := m.node.Load(); {
			case err != nil:
				m.logger.Debug("a node does not say what it knows of a height", "of", to.Short(), "height", height, "error", err)
			case n != nil && len(header) > 0:
				n.ReceiveAnswer(header, list)
			}
		}
	}
}

// Queues implements [node.Link]. What waits for one node is of no use to another,
// so the fullest of the queues to all nodes stands for them.
func (m *Mesh) Queues() []node.Queue {
	push, pull := node.Queue{Name: "mesh_push", Bound: signatureQueue}, node.Queue{Name: "mesh_pull", Bound: pullQueue}
	places := node.Queue{Name: "mesh_connections"}
	places.Length, places.Bound = m.transport.Connections()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.boxes {
		push.Length, pull.Length = max(push.Length, len(b.signatures)), max(pull.Length, len(b.pulls))
	}
	return []node.Queue{push, pull, places}
}

// rest ends a task if there is still nothing to do, which it reports.
func (m *Mesh) rest(busy *bool, empty func() bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	*busy = !empty()
	return !*busy
}

// take returns what waits in a queue, at most n.
func take[T any](queue chan T, n int) []T {
	var taken []T
	for len(taken) < n {
		select {
		case v := <-queue:
			taken = append(taken, v)
		default:
			return taken
		}
	}
	return taken
}

// Header implements [node.Link].
func (m *Mesh) Header(ctx context.Context, of ledger.ID, height uint64) ([]byte, []ledger.HeaderSignature, error) {
	header, list, err := m.ask(ctx, headerTime, of, height)
	if err == nil && len(header) == 0 {
		err = node.ErrNotFound
	}
	if err != nil {
		return nil, nil, fmt.Errorf("ask node %s for header %d: %w", of.Short(), height, err)
	}
	return header, list, nil
}

func (m *Mesh) ask(ctx context.Context, within time.Duration, of ledger.ID, height uint64) ([]byte, []ledger.HeaderSignature, error) {
	var a answer
	err := m.call(ctx, within, of, methodPull, &pull{Height: height}, &a, grpc.MaxCallRecvMsgSize(maxAnswerBytes))
	if err == nil && (len(a.Header) > ledger.MaxHeaderBytes || len(a.Signatures) > maxAnswerSignatures) {
		err = fmt.Errorf("%w: a header of %d bytes with %d signatures", ledger.ErrMalformed, len(a.Header), len(a.Signatures))
	}
	return a.Header, a.Signatures, err
}

func (m *Mesh) call(ctx context.Context, within time.Duration, to ledger.ID, method string, in, out any, options ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return m.transport.Conn(to).Invoke(ctx, transport.FullMethod(service, method), in, out, options...)
}
