package node

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/ledger"
)

// TestRecentTwin holds that a follower is told which records it will not find in a
// block, all of them and in their order, that outcomes are known until their block
// is stored, and that what is kept of stored blocks stays within its bound.
func TestRecentTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		self := ledger.ID{1}
		r := newRecent(0)
		next, stored := uint64(0), uint64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if next > stored && rapid.Bool().Draw(t, "store") {
				stored = rapid.Uint64Range(stored+1, next).Draw(t, "stored")
				r.drop(stored - 1)
			} else {
				e := aplos.Executed{Offset: next, Envelope: make([]byte, rapid.SampledFrom([]int{0, 300, 1 << 20}).Draw(t, "bytes"))}
				if len(e.Envelope) > 0 {
					e.Results, e.Burnt, e.Details = []ledger.Result{{ID: ledger.Digest{1, byte(next)}}}, []bool{true}, []string{""}
				}
				r.add(e, self)
				next++
			}
			if r.bytes > maxStoredBytes {
				t.Fatalf("%d bytes of stored blocks are kept", r.bytes)
			}
			from := rapid.Uint64Range(0, next).Draw(t, "from")
			records, all := r.from(from)
			if from >= stored && !all {
				t.Fatalf("from %d on nothing is stored yet, from %d on", from, stored)
			}
			var offsets, want []uint64
			for _, e := range records {
				offsets = append(offsets, e.Offset)
			}
			first := stored // the least that must be there
			if all {
				first = from
			} else if len(offsets) > 0 {
				first = min(first, offsets[0])
			}
			for o := max(first, from); o < next; o++ {
				want = append(want, o)
			}
			if !slices.Equal(offsets, want) {
				t.Fatalf("from %d: records %v, want %v", from, offsets, want)
			}
			for _, e := range records {
				if len(e.Results) == 0 {
					continue
				}
				if _, known := r.outcome(e.Results[0].ID); known != (e.Offset >= stored) {
					t.Fatalf("record %d: the outcome is known: %t; stored is what lies before %d", e.Offset, known, stored)
				}
			}
		}
	})
}
