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

// TestFollowersPassEmptyRecords: records without transactions, which strangers can
// put on a log of brokers, cost a follower one look each, and no copy of others.
func TestFollowersPassEmptyRecords(t *testing.T) {
	t.Parallel()
	n := &Node{recent: newRecent(0), board: newBoard()}
	visited := 0
	follow := func(from ledger.Position) ledger.Position {
		t.Helper()
		next, err := n.replay(t.Context(), from, func(Outcome) error { visited++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	from := ledger.Position{}
	for offset := range uint64(100) {
		e := aplos.Executed{Offset: offset}
		if offset == 50 {
			e.Results, e.Burnt, e.Details = []ledger.Result{{Position: ledger.Position{Offset: offset}}}, []bool{true}, []string{""}
		}
		n.recent.add(e, ledger.ID{1})
		if from = follow(from); from != (ledger.Position{Offset: offset + 1}) {
			t.Fatalf("after record %d a follower goes on from %s", offset, from)
		}
		if rest, all := n.recent.from(from.Offset); len(rest) != 0 || !all {
			t.Fatalf("%d records are looked at again", len(rest))
		}
	}
	if visited != 1 {
		t.Errorf("%d outcomes were visited, want one", visited)
	}
	if records, _ := n.recent.from(10); &records[0] != &n.recent.records[10] {
		t.Error("records are copied for a follower, while execution waits for the lock")
	}
}
