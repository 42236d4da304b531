package lokka

import (
	"crypto/sha256"
	"hash"

	"github.com/librum/librum/chain/ledger"
)

// tree computes the root of an RFC 6962 §2.1 tree while its leaves arrive. It
// keeps the roots of the perfect subtrees only, largest first, whose sizes are
// the bits of size. Its twin is [ledger.MerkleRoot].
type tree struct {
	size  uint64
	roots []ledger.Digest
	hash  hash.Hash
	sum   ledger.Digest
	pair  [1 + 2*sha256.Size]byte
}

// Prefixes keep leaves and nodes apart (RFC 6962 §2.1).
const (
	leafPrefix = 0x00
	nodePrefix = 0x01
)

func (t *tree) reset() { t.size, t.roots = 0, t.roots[:0] }

func (t *tree) add(leaf []byte) {
	sum := t.leaf(leaf)
	for s := t.size; s&1 == 1; s >>= 1 {
		top := len(t.roots) - 1
		sum = t.node(&t.roots[top], &sum)
		t.roots = t.roots[:top]
	}
	t.roots = append(t.roots, sum)
	t.size++
}

func (t *tree) root() ledger.Digest {
	if t.size == 0 {
		return ledger.Hash(nil)
	}
	top := len(t.roots) - 1
	root := t.roots[top]
	for i := top - 1; i >= 0; i-- {
		root = t.node(&t.roots[i], &root)
	}
	return root
}

func (t *tree) leaf(b []byte) ledger.Digest {
	if t.hash == nil {
		t.hash = sha256.New()
	}
	t.hash.Reset()
	t.pair[0] = leafPrefix
	t.hash.Write(t.pair[:1]) // hash.Hash: never an error
	t.hash.Write(b)
	t.hash.Sum(t.sum[:0])
	return t.sum
}

func (t *tree) node(left, right *ledger.Digest) ledger.Digest {
	t.pair[0] = nodePrefix
	copy(t.pair[1:], left[:])
	copy(t.pair[1+sha256.Size:], right[:])
	return sha256.Sum256(t.pair[:])
}
