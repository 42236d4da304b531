package contract

import (
	"slices"

	"github.com/librum/librum/chain/ledger"
)

// Averaged is one update of a set: who sent it, which file, with what weight.
type Averaged struct {
	Peer   ledger.ID
	Digest ledger.Digest
	Weight uint64
}

// SetDigest returns the SHA-256 of the list [[peer, digest], …] in
// deterministic CBOR, peers ascending: which files were averaged.
func SetDigest(set []Averaged) (ledger.Digest, error) {
	type entry struct {
		_      struct{} `cbor:",toarray"`
		Peer   ledger.ID
		Digest ledger.Digest
	}
	list := make([]entry, len(set))
	for i, a := range sorted(set) {
		list[i] = entry{Peer: a.Peer, Digest: a.Digest}
	}
	return digest(list)
}

// WeightsDigest returns the SHA-256 of the list [[peer, weight], …] in
// deterministic CBOR, peers ascending: how much each file counted.
func WeightsDigest(set []Averaged) (ledger.Digest, error) {
	type entry struct {
		_      struct{} `cbor:",toarray"`
		Peer   ledger.ID
		Weight uint64
	}
	list := make([]entry, len(set))
	for i, a := range sorted(set) {
		list[i] = entry{Peer: a.Peer, Weight: a.Weight}
	}
	return digest(list)
}

func sorted(set []Averaged) []Averaged {
	return slices.SortedFunc(slices.Values(set), func(a, b Averaged) int { return compareIDs(a.Peer, b.Peer) })
}

func digest(list any) (ledger.Digest, error) {
	b, err := ledger.Encode(list)
	if err != nil {
		return ledger.Digest{}, err
	}
	return ledger.Hash(b), nil
}
