package ledger

import (
	"crypto/sha256"
	"math/bits"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// MerkleRoot returns the root of the RFC 6962 §2.1 tree over the leaves.
func MerkleRoot(leaves [][]byte) Digest {
	hashes := leafHashes(leaves)
	return rootOf(hashes)
}

// MerklePath returns the audit path of leaf index (RFC 6962 §2.1.1), from the
// leaf's sibling upwards. The index must lie within the leaves.
func MerklePath(leaves [][]byte, index int) [][]byte {
	return pathOf(leafHashes(leaves), index)
}

// VerifyMerklePath reports whether leaf stands at index in the tree of size
// leaves with that root.
func VerifyMerklePath(leaf []byte, index, size uint64, path [][]byte, root Digest) bool {
	for _, node := range path {
		if len(node) != len(root) {
			return false
		}
	}
	return proof.VerifyInclusion(rfc6962.DefaultHasher, index, size,
		rfc6962.DefaultHasher.HashLeaf(leaf), path, root[:]) == nil
}

// leafHashes and hashChildren write RFC 6962 §2.1 out, since the library's
// hasher allocates for each node.
func leafHashes(leaves [][]byte) []Digest {
	hashes := make([]Digest, len(leaves))
	h := sha256.New()
	for i, leaf := range leaves {
		h.Reset()
		_, _ = h.Write([]byte{rfc6962.RFC6962LeafHashPrefix}) // a hash never fails to write
		_, _ = h.Write(leaf)
		h.Sum(hashes[i][:0])
	}
	return hashes
}

func hashChildren(left, right *Digest) Digest {
	var node [1 + 2*len(left)]byte
	node[0] = rfc6962.RFC6962NodeHashPrefix
	copy(node[1:], left[:])
	copy(node[1+len(left):], right[:])
	return sha256.Sum256(node[:])
}

func rootOf(hashes []Digest) (root Digest) {
	switch len(hashes) {
	case 0:
		root = sha256.Sum256(nil)
	case 1:
		root = hashes[0]
	default:
		k := split(len(hashes))
		left, right := rootOf(hashes[:k]), rootOf(hashes[k:])
		root = hashChildren(&left, &right)
	}
	return root
}

func pathOf(hashes []Digest, index int) [][]byte {
	if len(hashes) <= 1 {
		return nil
	}
	k := split(len(hashes))
	if index < k {
		sibling := rootOf(hashes[k:])
		return append(pathOf(hashes[:k], index), sibling[:])
	}
	sibling := rootOf(hashes[:k])
	return append(pathOf(hashes[k:], index-k), sibling[:])
}

// split returns the largest power of two smaller than n, which is over 1.
func split(n int) int { return 1 << (bits.Len(uint(n-1)) - 1) }
