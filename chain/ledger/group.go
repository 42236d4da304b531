package ledger

import (
	"bytes"
	"fmt"
	"sort"
)

// PublicKeySize is the length of an Ed25519 public key in bytes.
const PublicKeySize = 32

// PublicKey is an Ed25519 public key (RFC 8032).
type PublicKey [PublicKeySize]byte

// ID returns the key's id: its SHA-256.
func (k PublicKey) ID() Digest { return Hash(k[:]) }

// GroupNode is one node of a group.
type GroupNode struct {
	_            struct{} `cbor:",toarray"`
	Node         ID
	Organisation ID
	Key          PublicKey
}

// Group is the set of nodes that signs the blocks of an epoch, in ascending
// order of their ids.
type Group struct {
	_     struct{} `cbor:",toarray"`
	Epoch uint64
	Nodes []GroupNode
}

// Quorum is the number of nodes that make a header final: ⌊2n/3⌋+1.
func (g *Group) Quorum() int { return Quorum(len(g.Nodes)) }

// Quorum returns ⌊2n/3⌋+1.
func Quorum(n int) int { return 2*n/3 + 1 }

// Digest returns the SHA-256 of the encoded group.
func (g *Group) Digest() (Digest, error) {
	b, err := Encode(g)
	if err != nil {
		return Digest{}, err
	}
	return Hash(b), nil
}

// Find returns the node with that id.
func (g *Group) Find(node ID) (GroupNode, bool) {
	i := sort.Search(len(g.Nodes), func(i int) bool { return bytes.Compare(g.Nodes[i].Node[:], node[:]) >= 0 })
	if i < len(g.Nodes) && g.Nodes[i].Node == node {
		return g.Nodes[i], true
	}
	return GroupNode{}, false
}

// Index returns the place of the node in the group, or -1.
func (g *Group) Index(node ID) int {
	for i := range g.Nodes {
		if g.Nodes[i].Node == node {
			return i
		}
	}
	return -1
}

// MaxGroupNodes bounds a group: proofs and handovers hold a signature of each
// node.
const MaxGroupNodes = 256

// validate refuses what is no group: nodes without an order, or one twice.
func (g *Group) validate(what string) error {
	if len(g.Nodes) == 0 || len(g.Nodes) > MaxGroupNodes {
		return malformed(what, "group", "%d nodes, want 1 to %d", len(g.Nodes), MaxGroupNodes)
	}
	keys := map[PublicKey]bool{}
	for i, n := range g.Nodes {
		where := fmt.Sprintf("group node %d", i)
		switch {
		case n.Node.IsZero():
			return malformed(what, where, "want an id of its own")
		case i > 0 && bytes.Compare(g.Nodes[i-1].Node[:], n.Node[:]) >= 0:
			return malformed(what, where, "ids must ascend")
		case keys[n.Key]:
			return malformed(what, where, "its key is another node's")
		}
		keys[n.Key] = true
	}
	return nil
}
