package node

import (
	"context"
	"fmt"
	"sync"

	"github.com/librum/librum/chain/ledger"
)

// Mesh is where a node meets the others of its group.
type Mesh interface {
	// Join lets the others reach a node, in place of an earlier one with its id,
	// and returns its way to them.
	Join(n *Node) Link
}

// Link is a node's way to the others. Push and Pull never wait and may lose
// what can't be carried now: the group asks again.
type Link interface {
	// Push sends a signature to all other nodes.
	Push(s ledger.HeaderSignature)
	// Pull asks a node what it knows of a height; what it says comes to
	// [Node.ReceiveAnswer].
	Pull(to ledger.ID, height uint64)
	// Header asks a node for a stored header and the signatures it has for it.
	// Nothing of them is to be believed.
	Header(ctx context.Context, of ledger.ID, height uint64) ([]byte, []ledger.HeaderSignature, error)
	// Queues are what waits for other nodes, none where calls are plain.
	Queues() []Queue
}

// LocalMesh connects the nodes of one process by plain calls.
type LocalMesh struct {
	mu    sync.RWMutex
	nodes map[ledger.ID]*Node
}

// NewLocalMesh returns a mesh without nodes.
func NewLocalMesh() *LocalMesh { return &LocalMesh{nodes: map[ledger.ID]*Node{}} }

// Join implements [Mesh].
func (m *LocalMesh) Join(n *Node) Link {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nodes[n.config.Self] = n
	return localLink{m, n}
}

func (m *LocalMesh) node(id ledger.ID) *Node {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.nodes[id]
}

// localLink is one node's place in a [LocalMesh].
type localLink struct {
	mesh *LocalMesh
	self *Node
}

func (l localLink) Push(s ledger.HeaderSignature) {
	l.mesh.mu.RLock()
	defer l.mesh.mu.RUnlock()
	for id, n := range l.mesh.nodes {
		if id != l.self.config.Self {
			n.ReceiveSignature(s)
		}
	}
}

func (l localLink) Pull(to ledger.ID, height uint64) {
	if n := l.mesh.node(to); n != nil {
		n.ask(pullRequest{height: height, reply: func(a answer) { l.self.ReceiveAnswer(a.header, a.signatures) }})
	}
}

func (l localLink) Header(ctx context.Context, of ledger.ID, height uint64) ([]byte, []ledger.HeaderSignature, error) {
	n := l.mesh.node(of)
	if n == nil {
		return nil, nil, fmt.Errorf("%w: node %s is not in the mesh", ErrNotFound, of.Short())
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	return n.Header(ctx, height)
}

// pullRequest asks a node what it knows of a height.
type pullRequest struct {
	height uint64
	gone   <-chan struct{} // closed once nobody waits any more; nil: never
	reply  func(answer)    // called by the core or a reader, which it must not hold up
}

// answer is what a node knows of a height.
type answer struct {
	header     []byte
	signatures []ledger.HeaderSignature
	busy       bool // too many ask for what the store must be read for
}

// ReceiveSignature takes a signature that another node sent. It is checked
// later, and may be dropped.
func (n *Node) ReceiveSignature(s ledger.HeaderSignature) {
	select {
	case n.pipeline.signatures <- s:
	default:
	}
}

// ReceiveAnswer takes what another node says of a height, asked for or not: its
// header and the signatures it knows. Nothing of it is believed, and it may be
// dropped.
func (n *Node) ReceiveAnswer(header []byte, signatures []ledger.HeaderSignature) {
	select {
	case n.pipeline.answers <- answer{header: header, signatures: signatures}:
	default:
	}
}

// errManyPulls refuses to answer another node.
var errManyPulls = fmt.Errorf("%w: too many nodes ask for heights", ErrBusy)

// Answer returns the header that this node computed for a height and the
// signatures it knows, what others pull; no header where it has none. [ErrBusy]
// where too many ask.
func (n *Node) Answer(ctx context.Context, height uint64) ([]byte, []ledger.HeaderSignature, error) {
	replies := make(chan answer, 1)
	if !n.ask(pullRequest{height: height, gone: ctx.Done(), reply: func(a answer) { replies <- a }}) {
		return nil, nil, fmt.Errorf("answer for height %d: %w", height, errManyPulls)
	}
	select {
	case a := <-replies:
		if a.busy {
			return nil, nil, fmt.Errorf("answer for height %d: %w", height, errManyPulls)
		}
		return a.header, a.signatures, nil
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	case <-n.stopped:
		return nil, nil, n.stopError(ctx)
	}
}

// ask puts a request before the core, and reports whether there was room.
func (n *Node) ask(r pullRequest) bool {
	select {
	case n.pipeline.pulls <- r:
		return true
	default:
		return false
	}
}

func (localLink) Queues() []Queue { return nil }
