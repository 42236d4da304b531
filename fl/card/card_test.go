package card_test

import (
	"bytes"
	"errors"
	"flag"
	"maps"
	"os"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/card"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

var rewrite = flag.Bool("rewrite", false, "rewrite testdata/card.json")

// rows is a state that can be changed.
type rows map[contract.Key][]byte

func (r rows) Get(key contract.Key) ([]byte, bool, error) {
	b, ok := r[key]
	return b, ok, nil
}

func (r rows) put(key contract.Key, row any) error {
	b, err := ledger.Encode(row)
	r[key] = b
	return err
}

var id = ledger.Digest{1}

// finished returns the rows of a job of two rounds: the second one was void
// once, and refused one of three updates.
func finished() (rows, error) {
	r := rows{}
	spec := job.Defaults()
	spec.NumRounds = 2
	spec.Model.Layers = []int64{4, 3}
	peers := []ledger.ID{{1}, {2}, {3}}
	group := ledger.Group{Nodes: []ledger.GroupNode{{Node: ledger.ID{7}}, {Node: ledger.ID{8}}}}
	errs := []error{
		r.put(fl.ChainRow, &fl.Chain{Chain: ledger.Digest{9}}),
		r.put(fl.JobRow(id), &fl.Job{
			Created: 1_000, Spec: spec, State: job.StateRunning, Round: 2, Finals: 2, Idle: 5_000, Model: ledger.Digest{12}, ModelSize: 100,
		}),
	}
	for number := uint64(1); number <= 2; number++ {
		commit := fl.Commit{
			Attempt: number, Term: number, Count: 4 - number, Model: ledger.Digest{10 + byte(number)}, Metrics: fl.Metrics{"accuracy": 0.75, "loss": 0.1},
		}
		if number == 2 {
			commit.Refused = []fl.Refused{{Peer: peers[2], Reason: aggregator.RefusedNaN}}
		}
		errs = append(errs,
			r.put(fl.RoundRow(id, number), &fl.Round{Attempt: number, State: job.RoundFinal, CommitTerm: number, Ended: int64(1_500 * number)}),
			r.put(fl.CommitRow(id, number, number), &commit),
			r.put(fl.GroupRow(id, number), &group),
			r.put(fl.CohortRow(id, number), &fl.Cohort{Attempt: number, Peers: peers}),
		)
		for i, p := range peers {
			u := fl.Update{Attempt: number, State: fl.UpdateSubmitted, NumExamples: uint64(10 * (i + 1)), Metrics: fl.Metrics{"accuracy": 0.5 + float64(i)/8, "eval_loss": 0.25, "eval_examples": 4}}
			if number == 2 && i == 0 {
				u.Attempt = 1 // it answered the void attempt only
			}
			errs = append(errs, r.put(fl.UpdateRow(id, number, p), &u))
		}
	}
	return r, errors.Join(errs...)
}

// TestGolden holds the card's bytes: their digests stand on ledgers.
func TestGolden(t *testing.T) {
	t.Parallel()
	const path = "testdata/card.json"
	r, err := finished()
	if err != nil {
		t.Fatal(err)
	}
	got, err := card.Bytes(r, id)
	if err != nil {
		t.Fatal(err)
	}
	if *rewrite {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the card differs from %s; now it is\n%s", path, got)
	}
}

// TestClosingChangesNothing cites card(2).
func TestClosingChangesNothing(t *testing.T) {
	t.Parallel()
	r, err := finished()
	if err != nil {
		t.Fatal(err)
	}
	before, err := card.Bytes(r, id)
	if err != nil {
		t.Fatal(err)
	}
	j, _, err := fl.LoadJob(r, id)
	if err != nil {
		t.Fatal(err)
	}
	j.State, j.Idle, j.Ended, j.Card, j.CardSize = job.StateFinished, 0, 9_000, ledger.Digest{5}, 7
	if err := r.put(fl.JobRow(id), j); err != nil {
		t.Fatal(err)
	}
	after, err := card.Bytes(r, id)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("error %v; once the job is closed the card is\n%s\nand was\n%s", err, after, before)
	}
}

// TestNotOver asks for cards that cannot be made.
func TestNotOver(t *testing.T) {
	t.Parallel()
	r, err := finished()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := card.Bytes(r, ledger.Digest{2}); !errors.Is(err, card.ErrNotOver) {
		t.Errorf("no job: %v, want %v", err, card.ErrNotOver)
	}
	for key := range r {
		if key == fl.JobRow(id) {
			continue
		}
		gone := maps.Clone(r)
		delete(gone, key)
		made, err := card.Bytes(gone, id)
		// The group counts for the last round only, an update that is not there was
		// never asked for.
		optional := key == fl.GroupRow(id, 1) || bytes.HasPrefix([]byte(key), []byte(fl.PrefixUpdate))
		if (err == nil) != optional || (err == nil) == (made == nil) {
			t.Errorf("without %q: error %v", key, err)
		}
	}
	j, _, err := fl.LoadJob(r, id)
	if err != nil {
		t.Fatal(err)
	}
	j.Finals = 1
	if err := r.put(fl.JobRow(id), j); err != nil {
		t.Fatal(err)
	}
	if _, err := card.Bytes(r, id); !errors.Is(err, card.ErrNotOver) {
		t.Errorf("a round to go: %v, want %v", err, card.ErrNotOver)
	}
}
