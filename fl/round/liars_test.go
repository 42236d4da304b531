package round_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

// TestFewLiarsEndNoJob has as many nodes lie as a group of that size stands,
// from whatever moment on: the job finishes with the models that honest nodes
// come to, and nobody but liars is barred from its terms.
func TestFewLiarsEndNoJob(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := spec()
		s.NumRounds, s.MinTrainPeers, s.MinAvailablePeers = 3, 2, 2
		nodes := rapid.IntRange(4, 10).Draw(t, "nodes")
		want, err := newFleet(nodes, nodes, 2, s)
		if err != nil {
			t.Fatal(err)
		}
		if err := want.runUntil(want.ledger.Now + 1000); err != nil {
			t.Fatal(err)
		}
		f, err := newFleet(nodes, nodes, 2, s)
		if err != nil {
			t.Fatal(err)
		}
		w := &watch{fleet: f, rows: map[string]string{}}
		f.after = w.check
		liars := rapid.Permutation(f.nodes).Draw(t, "liars")[:rapid.IntRange(0, (nodes-1)/3).Draw(t, "count")]
		for _, n := range liars {
			n.liar = rapid.Bool().Draw(t, "from the start")
		}
		f.peers[0].silent = true
		if _, err := f.settle(); err != nil { // round 1 is open
			t.Fatal(err)
		}
		for _, n := range liars {
			n.liar = true
		}
		f.peers[0].silent = false
		if err := f.runUntil(f.ledger.Now + 24*3600*1000); err != nil {
			t.Fatalf("%v\n%s", err, strings.Join(f.log, "\n"))
		}
		got, expected := jobOf(t, f), jobOf(t, want)
		if got.State != job.StateFinished || got.Model != expected.Model {
			t.Fatalf("the job is %s (%s) with model %s, want it finished with %s\n%s",
				got.State, got.Reason, got.Model.Short(), expected.Model.Short(), strings.Join(f.log, "\n"))
		}
		term, _, err := fl.LoadTerm(f.ledger, f.job)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(term.Barred, func(id ledger.ID) bool {
			return !slices.ContainsFunc(liars, func(n *node) bool { return n.id == id })
		}) {
			t.Fatalf("an honest node is barred\n%s", strings.Join(f.log, "\n"))
		}
	})
}

func jobOf(t *rapid.T, f *fleet) *fl.Job {
	j, ok, err := fl.LoadJob(f.ledger, f.job)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return j
}
