package verify_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/verify"
)

// says looks for a line with that basis that holds all the words.
func says(t *testing.T, got verify.Report, round uint64, basis verify.Basis, words ...string) {
	t.Helper()
	for _, l := range got.Lines {
		missing := slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(l.What, w) })
		if l.Round == round && l.Basis == basis && !missing {
			return
		}
	}
	t.Errorf("no line about round %d says %q, %s: %+v", round, words, basis, got.Lines)
}

// TestUnfinishedRoundIsExplained has jobs fail in all ways that leave a result
// on the ledger: verify finds nothing wrong with the ledger, and says why.
func TestUnfinishedRoundIsExplained(t *testing.T) {
	t.Parallel()
	node := contracttest.ID(contracttest.Node(1)).Short()
	for _, c := range []struct {
		name     string
		how      course
		rounds   uint64
		state    job.RoundState
		reason   string
		averages uint64
		attested verify.Basis
		said     []string // of who agreed
		computed []string
	}{
		{
			"outvoted",
			course{lie: true, liars: 1},
			1, job.RoundFailed, "max_terms", 2, verify.Attested(1, 4),
			[]string{"node " + node + " dissents (model)"},
			[]string{"failed: the updates give model", "nan"},
		},
		{
			"wrong initial model",
			course{begin: true},
			0, job.RoundFailed, "max_terms", 1, verify.Attested(1, 4),
			[]string{"node " + node + " dissents (input)"},
			[]string{"it began with model"},
		},
		{
			"too many refusals",
			course{liars: 2},
			1, job.RoundVoid, "void", 1, verify.Attested(4, 4),
			[]string{"void"},
			[]string{"void: the updates give model " + ledger.Digest{}.Short(), "nan"},
		},
		{
			"not attested",
			course{silent: true, liars: 1},
			1, job.RoundFailed, "max_terms", 2, verify.Attested(1, 4),
			[]string{"failed: model", "a quorum is 3"},
			[]string{"failed: the updates give model"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, err := play(t.Context(), c.how)
			if err != nil {
				t.Fatal(err)
			}
			row, ok, err := fl.LoadRound(r, r.id, c.rounds+1)
			if err != nil || !ok || row.State != c.state {
				t.Fatalf("round %d is %+v, found %t, error %v, want it %s", c.rounds+1, row, ok, err, c.state)
			}
			got, err := r.verify(t.Context())
			if err != nil || got.First != nil || got.Incomplete {
				t.Fatalf("first %v, incomplete %t, error %v", got.First, got.Incomplete, err)
			}
			if got.Rounds != c.rounds || got.Averages != c.averages || got.Updates != peers*(c.rounds+1) {
				t.Errorf("checked %d rounds, %d averages, %d updates", got.Rounds, got.Averages, got.Updates)
			}
			says(t, got, c.rounds+1, c.attested, c.said...)
			says(t, got, c.rounds+1, verify.Recomputed, c.computed...)
			says(t, got, 0, verify.Recomputed, "("+c.reason+")")
			told := map[string]int{} // a term's commit is explained once
			for _, l := range got.Lines {
				if i := strings.Index(l.What, "the updates give model"); i >= 0 && l.Round == c.rounds+1 && !strings.Contains(l.What, "in term") {
					told["newest"]++
				} else if i >= 0 && l.Round == c.rounds+1 {
					told[l.What[strings.LastIndex(l.What, "in term"):]]++
				}
			}
			for _, l := range row.Lost[:max(0, len(row.Lost)-1)] {
				delete(told, fmt.Sprintf("in term %d", l.Term))
			}
			if len(told) > 1 || told["newest"] > 1 {
				t.Errorf("the newest commit is explained more than once: %v, %+v", told, got.Lines)
			}
		})
	}
}

func TestTamperedUnfinishedRound(t *testing.T) {
	t.Parallel()
	void := func(r *recorded) contract.Key { return fl.CommitRow(r.id, 2, 1) }
	for _, c := range []tampering{
		{"round gone", gone(roundRow(2)), "round", "round 2"},
		{"commit gone", gone(commitRow(2)), "commit", "round 2"},
		{"group gone", gone(func(r *recorded) contract.Key { return fl.GroupRow(r.id, 2) }), "round", "round 2"},
		{"update's digest", on(updateRow(2, 0), func(u *fl.Update) { u.Digest[0] ^= 1 }), "set", "round 2"},
		{"a commit of another attempt", on(void, func(m *fl.Commit) { m.Attempt++ }), "commit", "round 2"},
		{"honest files behind the refusals", func(r *recorded) error { // as if a quorum refused what was good
			for i := 1; i < peers; i++ {
				good, err := digestOf(r, 1, i)
				if err != nil {
					return err
				}
				if err := change(r, updateRow(2, i)(r), func(u *fl.Update) { u.Digest = good }); err != nil {
					return err
				}
			}
			set := make([]fl.Averaged, peers)
			for i := range set {
				d, err := digestOf(r, 2, i)
				if err != nil {
					return err
				}
				set[i] = fl.Averaged{Peer: contracttest.ID(contracttest.Peer(i)), Digest: d}
			}
			digest, err := fl.SetDigest(set)
			if err != nil {
				return err
			}
			return change(r, roundRow(2)(r), func(row *fl.Round) { row.Set = digest })
		}, "refusal", "round 2"},
		{"update gone", func(r *recorded) error {
			d, err := digestOf(r, 2, 0)
			if err != nil {
				return err
			}
			return r.blobs.Delete(t.Context(), d)
		}, "", "round 2"},
		{"update damaged", func(r *recorded) error {
			d, err := digestOf(r, 2, 0)
			if err != nil {
				return err
			}
			return r.damage(d)
		}, "update", "round 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, err := play(t.Context(), course{liars: 2})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.tamper(r); err != nil {
				t.Fatal(err)
			}
			got, err := r.verify(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case c.kind == "" && (got.First != nil || !got.Incomplete):
				t.Errorf("first %v, incomplete %t; want an update gone", got.First, got.Incomplete)
			case c.kind != "" && (got.First == nil || got.First.Kind != c.kind || got.First.Where != c.where):
				t.Errorf("verify found %v, want %s at %s", got.First, c.kind, c.where)
			}
		})
	}
}

// TestCardOfALiar has the job closed with a card that is not the ledger's: its
// digest is right, what it says is not.
func TestCardOfALiar(t *testing.T) {
	t.Parallel()
	r, err := play(t.Context(), course{liars: 1, card: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.verify(t.Context())
	if err != nil || got.First == nil || got.First.Kind != "card" {
		t.Errorf("first finding %v, error %v; want one about the card", got.First, err)
	}
}
