package api

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

// TestAskedLooksOnce wants each past round looked at once for a member, however
// often it asks, and the newest each time: it may be opened again.
func TestAskedLooksOnce(t *testing.T) {
	t.Parallel()
	const rounds = 100
	state := &rows{byKey: map[contract.Key][]byte{}}
	job, stranger, peer := ledger.Digest{1}, ledger.ID{1}, ledger.ID{2}
	state.put(t, fl.UpdateRow(job, 7, peer), &fl.Update{State: fl.UpdateExpected})
	a := newAsked(func(context.Context) contract.Range { return state }, 8)
	check := func(name string, newest uint64, member ledger.ID, want bool, most int) {
		t.Helper()
		before := state.gets
		is, looked, err := a.by(t.Context(), job, newest, member)
		if gets := state.gets - before; err != nil || is != want || looked != gets || gets > most {
			t.Errorf("%s: %t, %d looked at, %d read, %v; want %t and %d reads at most", name, is, looked, gets, err, want, most)
		}
	}
	check("no round", 0, stranger, false, 0)
	check("first", rounds, stranger, false, rounds)
	check("again", rounds, stranger, false, 1)
	check("ten rounds later", rounds+10, stranger, false, 11)
	check("a peer of an old round", rounds, peer, true, 8)
	check("again", rounds+1, peer, true, 0)
	state.put(t, fl.UpdateRow(job, rounds+10, stranger), &fl.Update{State: fl.UpdateExpected})
	check("asked since", rounds+10, stranger, true, 1)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := a.by(ended, job, rounds, ledger.ID{3}); err == nil {
		t.Error("who has gone was looked for")
	}
}

// TestAskedTwin compares answers with those found by reading everything, while
// rounds come and little is remembered.
func TestAskedTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		state := &rows{byKey: map[contract.Key][]byte{}}
		bound := rapid.IntRange(1, 6).Draw(r, "bound")
		a := newAsked(func(context.Context) contract.Range { return state }, bound)
		newest := map[byte]uint64{}
		twin := map[[2]byte]bool{}
		for range rapid.IntRange(1, 100).Draw(r, "steps") {
			j, m := rapid.Byte().Draw(r, "job")%3, rapid.Byte().Draw(r, "member")%4
			job, member := ledger.Digest{j + 1}, ledger.ID{m + 1}
			switch rapid.IntRange(0, 4).Draw(r, "step") {
			case 0:
				newest[j]++
			case 1:
				if newest[j] > 0 && rapid.Bool().Draw(r, "asks") {
					state.put(t, fl.UpdateRow(job, newest[j], member), &fl.Update{})
					twin[[2]byte{j, m}] = true
				}
			default:
				is, _, err := a.by(t.Context(), job, newest[j], member)
				if err != nil || is != twin[[2]byte{j, m}] {
					r.Fatalf("job %d, member %d, %d rounds: %t, %v", j, m, newest[j], is, err)
				}
			}
			if len(a.newer) > bound || len(a.past) > bound {
				r.Fatalf("%d and %d are remembered", len(a.newer), len(a.past))
			}
		}
	})
}

// BenchmarkAskedStranger is the cost of a job of many rounds for a member that
// none of them asked, and that asks for it again and again.
func BenchmarkAskedStranger(b *testing.B) {
	const rounds = 10_000
	state := &rows{byKey: map[contract.Key][]byte{}}
	a := newAsked(func(context.Context) contract.Range { return state }, maxAsked)
	for b.Loop() {
		if is, _, err := a.by(b.Context(), ledger.Digest{1}, rounds, ledger.ID{1}); is || err != nil {
			b.Fatal(is, err)
		}
	}
}
