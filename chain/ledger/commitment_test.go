package ledger_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/zeebo/blake3"
	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
)

type row struct{ key, value []byte }

// naive is LtHash16 as it is defined: 1,024 lanes modulo 2^16. The golden file
// was also compared with numpy lanes over the PyPI package blake3.
type naive [ledger.CommitmentSize / 2]uint16

func (n *naive) add(r row, sign uint16) {
	var b []byte
	b = binary.LittleEndian.AppendUint64(b, uint64(len(r.key)))
	b = append(b, r.key...)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(r.value)))
	b = append(b, r.value...)
	h := blake3.New()
	if _, err := h.Write(b); err != nil {
		panic(err)
	}
	var expanded [ledger.CommitmentSize]byte
	if _, err := h.Digest().Read(expanded[:]); err != nil {
		panic(err)
	}
	for i := range n {
		n[i] += sign * binary.LittleEndian.Uint16(expanded[2*i:])
	}
}

func (n *naive) bytes() []byte {
	var b []byte
	for _, lane := range n {
		b = binary.LittleEndian.AppendUint16(b, lane)
	}
	return b
}

var drawRow = rapid.Custom(func(t *rapid.T) row {
	small := rapid.SliceOfN(rapid.Byte(), 0, 3)
	return row{small.Draw(t, "key"), small.Draw(t, "value")}
})

func TestCommitmentTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var ours ledger.Commitment
		var twin naive
		for i, r := range rapid.SliceOfN(drawRow, 0, 40).Draw(t, "rows") {
			if rapid.Bool().Draw(t, "add") {
				ours.Add(r.key, r.value)
				twin.add(r, 1)
			} else {
				ours.Remove(r.key, r.value)
				twin.add(r, 1<<16-1)
			}
			if !bytes.Equal(ours.Bytes(), twin.bytes()) {
				t.Fatalf("differs from the twin after %d changes", i+1)
			}
		}
		back, err := ledger.ParseCommitment(ours.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if *back != ours || back.Digest() != ledger.Hash(twin.bytes()) {
			t.Fatal("stored and read it is another")
		}
	})
}

// TestCommitmentAtTheChunk holds rows around the length at which a row needs
// more than one chunk of BLAKE3.
func TestCommitmentAtTheChunk(t *testing.T) {
	t.Parallel()
	for size := 1024 - 16 - 130; size <= 2100; size++ {
		r := row{make([]byte, size/3), make([]byte, size-size/3)}
		for i := range r.value {
			r.value[i] = byte(i)
		}
		var ours ledger.Commitment
		var twin naive
		ours.Add(r.key, r.value)
		twin.add(r, 1)
		if !bytes.Equal(ours.Bytes(), twin.bytes()) {
			t.Fatalf("a row of %d bytes differs from the twin", size)
		}
	}
}

// TestCommitmentIsOfTheSet holds that order plays no part and that what was
// removed leaves no trace.
func TestCommitmentIsOfTheSet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(drawRow, 1, 20).Draw(t, "rows")
		shuffled := rapid.Permutation(rows).Draw(t, "shuffled")
		var a, b ledger.Commitment
		for i := range rows {
			a.Add(rows[i].key, rows[i].value)
			b.Add(shuffled[i].key, shuffled[i].value)
		}
		if a != b {
			t.Fatal("the order of additions shows")
		}
		for _, r := range rapid.Permutation(rows).Draw(t, "removed") {
			a.Remove(r.key, r.value)
		}
		if a != (ledger.Commitment{}) {
			t.Fatal("the empty state has a trace of what was removed")
		}
	})
}

// TestCommitmentSeparates holds that bytes can't move between key and value.
func TestCommitmentSeparates(t *testing.T) {
	t.Parallel()
	var a, b ledger.Commitment
	a.Add([]byte("ab"), []byte("c"))
	b.Add([]byte("a"), []byte("bc"))
	if a.Digest() == b.Digest() {
		t.Error("(ab, c) and (a, bc) have one commitment")
	}
}

// TestCommitmentCarries adds so many rows that every lane overflows again and
// again; a carry into the next lane would show.
func TestCommitmentCarries(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var ours ledger.Commitment
	var twin naive
	for range 500 {
		r := row{binary.BigEndian.AppendUint64(nil, random.Uint64()), nil}
		ours.Add(r.key, r.value)
		twin.add(r, 1)
	}
	if !bytes.Equal(ours.Bytes(), twin.bytes()) {
		t.Error("differs from the twin")
	}
}
