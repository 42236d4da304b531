package cohort

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"github.com/librum/librum/chain/ledger"
)

// Reveal is what a node revealed for a round.
type Reveal struct {
	_     struct{} `cbor:",toarray"`
	Node  ledger.ID
	Value ledger.Digest
}

// RosterDigest returns the SHA-256 of the list of a roster's peers in
// deterministic CBOR.
func RosterDigest(roster []ledger.ID) (ledger.Digest, error) { return digest(roster) }

// Seed returns SHA-256(job, round, roster digest, reveals), as the array
// ["librum cohort", job, round, roster, [[node, value], …]] in deterministic
// CBOR. Reveals stand in the order of the group's nodes.
func Seed(job ledger.Digest, round uint64, roster ledger.Digest, reveals []Reveal) (ledger.Digest, error) {
	type input struct {
		_       struct{} `cbor:",toarray"`
		Domain  string
		Job     ledger.Digest
		Round   uint64
		Roster  ledger.Digest
		Reveals []Reveal
	}
	return digest(&input{Domain: "librum cohort", Job: job, Round: round, Roster: roster, Reveals: reveals})
}

func digest(v any) (ledger.Digest, error) {
	b, err := ledger.Encode(v)
	if err != nil {
		return ledger.Digest{}, err
	}
	return ledger.Hash(b), nil
}

// Draw returns size peers of a roster, ascending: the first ones of a shuffle
// (Fisher and Yates, in Durstenfeld's form) that stops once it has them. The
// roster, ascending, is left as it is.
func Draw(seed ledger.Digest, roster []ledger.ID, size uint64) []ledger.ID {
	pool := slices.Clone(roster)
	n := uint64(len(pool))
	size = min(size, n)
	s := stream{seed: seed}
	for i := range size {
		j := i + s.below(n-i)
		pool[i], pool[j] = pool[j], pool[i]
	}
	pool = pool[:size]
	slices.SortFunc(pool, func(a, b ledger.ID) int { return bytes.Compare(a[:], b[:]) })
	return pool
}

// stream is the words of SHA-256(seed, 0), SHA-256(seed, 1) …, four in each,
// counter and words as 8 bytes big-endian.
type stream struct {
	seed  ledger.Digest
	next  uint64
	words []byte
}

func (s *stream) word() uint64 {
	if len(s.words) == 0 {
		block := ledger.Hash(binary.BigEndian.AppendUint64(slices.Clone(s.seed[:]), s.next))
		s.next, s.words = s.next+1, block[:]
	}
	w := binary.BigEndian.Uint64(s.words)
	s.words = s.words[8:]
	return w
}

// below returns a number below n, each with the same chance: words beyond the
// last whole multiple of n are passed over.
func (s *stream) below(n uint64) uint64 {
	beyond := (math.MaxUint64%n + 1) % n // 2^64 mod n
	for {
		if w := s.word(); w <= math.MaxUint64-beyond {
			return w % n
		}
	}
}
