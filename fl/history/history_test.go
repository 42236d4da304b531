package history_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/history"
	"github.com/librum/librum/fl/job"
)

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

// story is a round and what becomes of the answers in it.
type story struct {
	name     string
	round    fl.Round
	outcomes []string // that there may be
}

func stories() []story {
	over := fl.Round{Attempt: 2, State: job.RoundFinal, Committed: 5, CommitTerm: 3, Closed: 4, Wanted: 9, Cohort: 9}
	enough := over
	enough.Submitted, enough.Wanted = 2, 2
	void, committed, open, failed := over, over, over, over
	void.State, committed.State = job.RoundVoid, job.RoundCommitted
	open.State, open.Committed, open.Closed = job.RoundOpen, 0, 0
	failed.State, failed.Committed = job.RoundFailed, 0
	drawing := open
	drawing.State, drawing.Attempt = job.RoundDrawing, 3 // the cohort's row is of the attempt before
	return []story{
		{"final", over, []string{"committed", "nan", "shape", "policy", "data", "dropped"}},
		{"over-selected", enough, []string{"committed", "nan", "policy", "late"}},
		{"void", void, []string{"void", "nan", "policy", "dropped"}},
		{"committed", committed, []string{"pending submitted", "policy", "dropped"}},
		{"open", open, []string{"pending submitted", "pending", "policy"}},
		{"failed", failed, []string{"void", "policy", "dropped"}},
		{"drawing", drawing, nil},
	}
}

// tell writes the rows of a round in which a peer's answer has an outcome, and counts
// it.
func tell(r rows, want history.History, number uint64, s *story, peers []ledger.ID, outcomes []string) error {
	commit := fl.Commit{Attempt: s.round.Attempt, Term: s.round.CommitTerm}
	errs := []error{r.put(fl.RoundRow(id, number), &s.round), r.put(fl.CohortRow(id, number), &fl.Cohort{Attempt: 2, Peers: peers})}
	for i, peer := range peers {
		if len(s.outcomes) == 0 {
			continue
		}
		p := want[peer]
		if p == nil {
			p = &history.Peer{ID: peer, Refused: map[aggregator.Refusal]uint64{}, Declined: map[fl.Decline]uint64{}}
			want[peer] = p
		}
		p.Selected++
		u := fl.Update{Attempt: 2, State: fl.UpdateSubmitted, Size: 100 + number, NumExamples: number}
		switch outcome := outcomes[i]; outcome {
		case "committed":
			p.Committed++
			p.Examples += number
		case "nan", "shape":
			p.Refused[aggregator.Refusal(outcome)]++
			commit.Refused = append(commit.Refused, fl.Refused{Peer: peer, Reason: aggregator.Refusal(outcome)})
		case "void":
			p.Void++
		case "pending submitted":
			p.Pending++
		case "policy", "data":
			p.Declined[fl.Decline(outcome)]++
			u = fl.Update{Attempt: 2, State: fl.UpdateDeclined, Reason: fl.Decline(outcome)}
		default:
			map[string]func(){"late": func() { p.Late++ }, "dropped": func() { p.Dropped++ }, "pending": func() { p.Pending++ }}[outcome]()
			u = fl.Update{Attempt: 2, State: fl.UpdateExpected}
			if i%2 == 1 { // an answer of an earlier attempt is of no account
				u = fl.Update{Attempt: 1, State: fl.UpdateSubmitted, Size: 7}
			}
		}
		if u.State == fl.UpdateSubmitted && u.Attempt == 2 {
			p.Bytes += u.Size
		}
		errs = append(errs, r.put(fl.UpdateRow(id, number, peer), &u))
	}
	if s.round.Committed != 0 {
		errs = append(errs, r.put(fl.CommitRow(id, number, s.round.CommitTerm), &commit))
	}
	return errors.Join(errs...)
}

// TestHistory counts rounds whose outcome for each peer is known, and holds that each
// asked peer has one outcome, and that parts add up (invariants 1 and 3).
func TestHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r, want := rows{}, history.History{}
		n := rapid.Uint64Range(1, 8).Draw(t, "rounds")
		for number := uint64(1); number <= n; number++ {
			s := rapid.SampledFrom(stories()).Draw(t, "story")
			var peers []ledger.ID
			var outcomes []string
			for i := range byte(5) {
				if rapid.Bool().Draw(t, "asked") {
					peers = append(peers, ledger.ID{i})
					if len(s.outcomes) > 0 {
						outcomes = append(outcomes, rapid.SampledFrom(s.outcomes).Draw(t, "outcome"))
					}
				}
			}
			if err := tell(r, want, number, &s, peers, outcomes); err != nil {
				t.Fatal(err)
			}
		}
		got := history.History{}
		for number := uint64(1); number <= n; number++ {
			if _, err := got.Add(r, id, number); err != nil {
				t.Fatal(err)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got.Peers(), want.Peers())
		}
		for _, p := range got.Peers() {
			sum := p.Committed + p.Void + p.Late + p.Dropped + p.Pending
			for _, k := range p.Refused {
				sum += k
			}
			for _, k := range p.Declined {
				sum += k
			}
			if sum != p.Selected {
				t.Fatalf("%+v has %d outcomes", p, sum)
			}
		}
	})
}

func TestMissingRows(t *testing.T) {
	t.Parallel()
	if _, err := (history.History{}).Add(rows{}, id, 1); err == nil {
		t.Error("a round that is not there was counted")
	}
	r := rows{}
	all := stories()
	if err := tell(r, history.History{}, 1, &all[0], []ledger.ID{{1}}, []string{"committed"}); err != nil {
		t.Fatal(err)
	}
	delete(r, fl.CommitRow(id, 1, 3))
	if _, err := (history.History{}).Add(r, id, 1); err == nil {
		t.Error("a round whose commit is not there was counted")
	}
}

func ExampleHistory_Add() {
	r := rows{}
	all := stories()
	err := tell(r, history.History{}, 1, &all[0], []ledger.ID{{1}, {2}, {3}}, []string{"committed", "nan", "dropped"})
	h := history.History{}
	rows, add := h.Add(r, id, 1)
	fmt.Println(rows, "rows", err, add)
	for _, p := range h.Peers() {
		fmt.Println(p.ID.Short(), "asked", p.Selected, "averaged", p.Committed, "refused", p.Refused, "dropped", p.Dropped)
	}
	// Output:
	// 6 rows <nil> <nil>
	// 01000000 asked 1 averaged 1 refused map[] dropped 0
	// 02000000 asked 1 averaged 0 refused map[nan:1] dropped 0
	// 03000000 asked 1 averaged 0 refused map[] dropped 1
}
