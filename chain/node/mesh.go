package node

import (
	"sync"

	"github.com/librum/librum/chain/ledger"
)

// Mesh connects the nodes of one process by plain calls. What it carries may
// be lost when a queue is full: the group asks again.
type Mesh struct {
	mu    sync.RWMutex
	nodes map[ledger.ID]*Node
}

// NewMesh returns a mesh without nodes.
func NewMesh() *Mesh { return &Mesh{nodes: map[ledger.ID]*Node{}} }

// pullRequest asks a node's core what it knows of a height.
type pullRequest struct {
	from   ledger.ID
	height uint64
}

// answer is what a node's core knows of a height.
type answer struct {
	header     []byte
	signatures []ledger.HeaderSignature
}

func (m *Mesh) join(n *Node) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nodes[n.config.Self] = n
}

// Node returns the node with that id, or nil.
func (m *Mesh) Node(id ledger.ID) *Node {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.nodes[id]
}

// send pushes a signature to all other nodes.
func (m *Mesh) send(from ledger.ID, s ledger.HeaderSignature) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for id, n := range m.nodes {
		if id == from {
			continue
		}
		select {
		case n.pipeline.signatures <- s:
		default:
		}
	}
}

func (m *Mesh) pull(from, to ledger.ID, height uint64) {
	if n := m.Node(to); n != nil {
		select {
		case n.pipeline.pulls <- pullRequest{from: from, height: height}:
		default:
		}
	}
}

func (m *Mesh) answer(to ledger.ID, a answer) {
	if n := m.Node(to); n != nil {
		n.ReceiveAnswer(a.header, a.signatures)
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
