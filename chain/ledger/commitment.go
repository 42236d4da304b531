package ledger

import (
	"encoding/binary"
	"sync"

	"lukechampine.com/blake3"
	"lukechampine.com/blake3/guts"
)

// CommitmentSize is the length of the LtHash16 sum in bytes: 1,024 lanes of
// 16 bits.
const CommitmentSize = 2048

// Commitment is an LtHash16 sum over the rows of the state (Bellare and
// Micciancio 1997; parameters of Lewi et al. 2019, with BLAKE3 for the
// expansion). It depends on the set of rows, not on the order of changes. Its
// zero value commits to the empty state. It proves a whole snapshot, never a
// single row.
type Commitment struct {
	lanes [CommitmentSize / 8]uint64
}

// Lanes are added four to a word: the top bit of each is handled apart so that
// no carry crosses a lane.
const (
	laneTop  = 0x8000_8000_8000_8000
	laneRest = ^uint64(laneTop)
)

// expansions are buffers for the sums of rows. They go through the assembly of
// BLAKE3, of which the compiler can't tell that it keeps none.
var expansions = sync.Pool{New: func() any { return new([CommitmentSize]byte) }}

// Add puts the row into the committed set.
func (c *Commitment) Add(key, value []byte) {
	e := expansions.Get().(*[CommitmentSize]byte)
	defer expansions.Put(e)
	expand(e, key, value)
	for i := range c.lanes {
		a, b := c.lanes[i], binary.LittleEndian.Uint64(e[8*i:])
		c.lanes[i] = ((a & laneRest) + (b & laneRest)) ^ ((a ^ b) & laneTop)
	}
}

// Remove takes the row out of the committed set.
func (c *Commitment) Remove(key, value []byte) {
	e := expansions.Get().(*[CommitmentSize]byte)
	defer expansions.Put(e)
	expand(e, key, value)
	for i := range c.lanes {
		a, b := c.lanes[i], binary.LittleEndian.Uint64(e[8*i:])
		c.lanes[i] = ((a | laneTop) - (b & laneRest)) ^ ((a ^ ^b) & laneTop)
	}
}

// Merge adds the sum of other changes.
func (c *Commitment) Merge(other *Commitment) {
	for i := range c.lanes {
		a, b := c.lanes[i], other.lanes[i]
		c.lanes[i] = ((a & laneRest) + (b & laneRest)) ^ ((a ^ b) & laneTop)
	}
}

// Digest returns the SHA-256 of the sum, which headers carry.
func (c *Commitment) Digest() Digest { return Hash(c.Bytes()) }

// Bytes returns the sum itself, for storage: [CommitmentSize] bytes.
func (c *Commitment) Bytes() []byte {
	b := make([]byte, 0, CommitmentSize)
	for _, v := range c.lanes {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// ParseCommitment reads a stored sum.
func ParseCommitment(b []byte) (*Commitment, error) {
	if len(b) != CommitmentSize {
		return nil, malformed("commitment", "length", "%d bytes, want %d", len(b), CommitmentSize)
	}
	c := new(Commitment)
	for i := range c.lanes {
		c.lanes[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return c, nil
}

// expand fills e with the BLAKE3 output over the length-prefixed row. A row of
// at most a chunk, as almost all are, is the root of its tree by itself: it
// needs no hasher, whose stack and buffers would cost more than the hash.
func expand(e *[CommitmentSize]byte, key, value []byte) {
	if len(key)+len(value) > guts.ChunkSize-2*prefixSize {
		expandLong(e, key, value)
		return
	}
	var row [guts.ChunkSize]byte
	binary.LittleEndian.PutUint64(row[:], uint64(len(key)))
	n := prefixSize + copy(row[prefixSize:], key)
	binary.LittleEndian.PutUint64(row[n:], uint64(len(value)))
	n += prefixSize
	n += copy(row[n:], value)
	root := guts.CompressChunk(row[:n], &guts.IV, 0, 0)
	root.Flags |= guts.FlagRoot
	const step = guts.MaxSIMD * guts.BlockSize
	for at := 0; at < len(e); at += step {
		root.Counter = uint64(at / guts.BlockSize)
		guts.CompressBlocks((*[step]byte)(e[at:]), root)
	}
}

// prefixSize is the length of the length in front of a row's key and value.
const prefixSize = 8

func expandLong(e *[CommitmentSize]byte, key, value []byte) {
	h := blake3.New(32, nil)
	var prefix [prefixSize]byte
	binary.LittleEndian.PutUint64(prefix[:], uint64(len(key)))
	_, _ = h.Write(prefix[:]) // a hash never fails to write
	_, _ = h.Write(key)
	binary.LittleEndian.PutUint64(prefix[:], uint64(len(value)))
	_, _ = h.Write(prefix[:])
	_, _ = h.Write(value)
	_, _ = h.XOF().Read(e[:])
}
