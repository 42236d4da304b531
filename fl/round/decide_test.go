package round_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/round"
)

func spec() job.Spec {
	s := job.Defaults()
	s.Model.Layers = []int64{64, 10}
	return s
}

// TestDecideIsPure asks twice for every node at every step of a job, and looks
// whether the answers or the question changed.
func TestDecideIsPure(t *testing.T) {
	t.Parallel()
	f, err := newFleet(4, 4, 3, spec())
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	f.after = func() error {
		s, err := f.snapshot()
		if err != nil {
			return err
		}
		for _, n := range f.nodes {
			before, err := f.snapshot()
			if err != nil {
				return err
			}
			facts := f.facts(n, &s)
			first, second := round.Decide(s, facts), round.Decide(s, facts)
			if asked++; !reflect.DeepEqual(first, second) || !reflect.DeepEqual(s, before) {
				t.Errorf("%s: %v, then %v", n.name, first, second)
			}
		}
		return nil
	}
	if err := f.runUntil(f.ledger.Now + 1000); err != nil {
		t.Fatal(err)
	}
	if j := f.jobRow(t); j.State != job.StateFinished || asked < 400 {
		t.Errorf("job %s after %d questions, want it finished after at least 400", j.State, asked)
	}
}

// TestKeys: an action keeps its key while it is due, and different ones have
// different keys.
func TestKeys(t *testing.T) {
	t.Parallel()
	actions := []round.Action{
		round.Derive{},
		round.WriteCard{},
		round.Wake{At: 1},
		round.Wake{At: 2},
		round.Fetch{Round: 1, Attempt: 1, Peers: []ledger.ID{{1}}},
		round.Fetch{Round: 1, Attempt: 1, Peers: []ledger.ID{{2}}},
		round.Fetch{Round: 1, Attempt: 2, Peers: []ledger.ID{{1}}},
		round.Compute{Round: 1, Attempt: 1},
		round.Compute{Round: 1, Attempt: 1, Without: []ledger.ID{{1}}},
		round.Compute{Round: 2, Attempt: 1},
	}
	seen := map[string]bool{}
	for _, a := range actions {
		if seen[a.Key()] {
			t.Errorf("%#v has the key of another, %s", a, a.Key())
		}
		seen[a.Key()] = true
	}
}

// TestCandidates: every node has one turn, and terms begin with different
// nodes.
func TestCandidates(t *testing.T) {
	t.Parallel()
	l, err := contracttest.New(4, 4, 0)
	if err != nil {
		t.Fatal(err)
	}
	first := map[ledger.ID]int{}
	for term := range uint64(400) {
		order := round.Candidates(ledger.Digest{1}, term, &l.Group)
		first[order[0]]++
		slices.SortFunc(order, func(a, b ledger.ID) int { return slices.Compare(a[:], b[:]) })
		if len(slices.Compact(order)) != 4 {
			t.Fatalf("term %d has the candidates %v", term, order)
		}
	}
	for node, n := range first { // 100 expected, standard deviation 9
		if n < 60 || n > 140 {
			t.Errorf("node %s comes first in %d of 400 terms", node, n)
		}
	}
}

// closed returns a snapshot of a round of three updates that was closed.
func closed(t *testing.T) round.Snapshot {
	t.Helper()
	s := round.Snapshot{ID: ledger.Digest{1}, LogTime: 1000}
	s.Job = fl.Job{Spec: spec(), State: job.StateRunning, Round: 2, Finals: 1}
	s.Round = &fl.Round{Attempt: 1, State: job.RoundCommitted, CommitTerm: 1, Nodes: 2, Committed: 1000}
	s.Term = &fl.Term{Term: 1, Holder: ledger.ID{1}, Renewed: 1000}
	s.Attesters = ledger.Group{Nodes: []ledger.GroupNode{{Node: ledger.ID{1}}, {Node: ledger.ID{2}}}}
	s.Group = s.Attesters
	for i := range byte(3) {
		s.Answers = append(s.Answers, round.Answer{Peer: ledger.ID{10 + i}, Update: fl.Update{
			Attempt: 1, State: fl.UpdateSubmitted, Digest: ledger.Digest{i}, NumExamples: uint64(i + 1),
			Metrics: fl.Metrics{"loss": float64(i)},
		}})
	}
	s.Answers[2].Metrics["accuracy"] = 0.5 // not claimed by all
	return s
}

// TestDissent shows each way in which a commit can differ.
func TestDissent(t *testing.T) {
	t.Parallel()
	refused := []fl.Refused{{Peer: ledger.ID{12}, Reason: aggregator.RefusedShape}}
	for name, c := range map[string]struct {
		change func(*fl.Commit)
		want   fl.Dissent
	}{
		"equal":           {func(*fl.Commit) {}, ""},
		"metrics":         {func(c *fl.Commit) { c.Metrics = fl.Metrics{"loss": 99} }, ""},
		"refused another": {func(c *fl.Commit) { c.Refused[0].Peer = ledger.ID{11} }, fl.DissentRefused},
		"another reason":  {func(c *fl.Commit) { c.Refused[0].Reason = aggregator.RefusedNaN }, fl.DissentRefused},
		"refused nobody":  {func(c *fl.Commit) { c.Refused = nil }, fl.DissentRefused},
		"set":             {func(c *fl.Commit) { c.Set[0]++ }, fl.DissentSet},
		"weights":         {func(c *fl.Commit) { c.Weights[0]++ }, fl.DissentWeights},
		"model":           {func(c *fl.Commit) { c.Model[0]++ }, fl.DissentModel},
		"size":            {func(c *fl.Commit) { c.ModelSize++ }, fl.DissentModel},
	} {
		s := closed(t)
		own, err := s.Result(nil, refused, round.File{Digest: ledger.Digest{9}, Size: 100}, round.File{})
		if err != nil {
			t.Fatal(err)
		}
		s.Commit = &round.Claim{Commit: fl.Commit{
			Attempt: 1, Term: 1, Node: ledger.ID{1}, Set: own.Set, Weights: own.Weights,
			Model: own.Model.Digest, ModelSize: own.Model.Size, Refused: slices.Clone(refused),
		}}
		c.change(&s.Commit.Commit)
		facts := round.Facts{Node: ledger.ID{2}, Computed: &own}
		args := attestation(t, round.Decide(s, facts))
		if args == nil || args.Dissent != c.want || args.Set != own.Set || args.Model != own.Model.Digest {
			t.Errorf("%s: %+v, want dissent %q over its own result", name, args, c.want)
		}
	}
}

func attestation(t *testing.T, actions []round.Action) *fl.AttestRound {
	t.Helper()
	for _, a := range actions {
		if s, ok := a.(round.Submit); ok && s.Method == fl.MethodAttestRound {
			args, ok := s.Args.(*fl.AttestRound)
			if !ok {
				t.Fatalf("arguments %T", s.Args)
			}
			return args
		}
	}
	return nil
}

// TestResult: the mean is weighted by examples and leaves out what not all
// claim; refused peers count for nothing.
func TestResult(t *testing.T) {
	t.Parallel()
	s := closed(t)
	all, err := s.Result(nil, nil, round.File{}, round.File{})
	if err != nil {
		t.Fatal(err)
	}
	// Weighted loss as in Flower's weighted_loss_avg: Σ n·loss / Σ n with n = 1, 2, 3 and loss = 0, 1, 2.
	if want := (fl.Metrics{"loss": 8.0 / 6}); !reflect.DeepEqual(all.Metrics, want) {
		t.Errorf("metrics %v, want %v", all.Metrics, want)
	}
	some, err := s.Result([]ledger.ID{{12}}, []fl.Refused{{Peer: ledger.ID{12}, Reason: aggregator.RefusedUnavailable}}, round.File{}, round.File{})
	if err != nil {
		t.Fatal(err)
	}
	if want := (fl.Metrics{"loss": 2.0 / 3}); !reflect.DeepEqual(some.Metrics, want) || some.Set == all.Set || some.Weights == all.Weights {
		t.Errorf("without one: %+v", some)
	}
	none, err := s.Result(nil, []fl.Refused{{Peer: ledger.ID{10}}, {Peer: ledger.ID{11}}, {Peer: ledger.ID{12}}}, round.File{}, round.File{})
	if err != nil || len(none.Metrics) != 0 {
		t.Errorf("without any: %+v, %v", none, err)
	}
}

// TestEvaluationIsWeightedByItsRows: what some peers measured on rows that they
// held out is weighted by these, whatever they trained on.
func TestEvaluationIsWeightedByItsRows(t *testing.T) {
	t.Parallel()
	s := closed(t)
	s.Answers[0].Metrics["eval_loss"], s.Answers[0].Metrics["eval_examples"] = 1, 30
	s.Answers[2].Metrics["eval_loss"], s.Answers[2].Metrics["eval_examples"] = 2, 10
	s.Answers[1].Metrics["eval_accuracy"] = 1 // of no rows
	got, err := s.Result(nil, nil, round.File{}, round.File{})
	if want := (fl.Metrics{"loss": 8.0 / 6, "eval_loss": 1.25, "eval_examples": 40}); err != nil || !reflect.DeepEqual(got.Metrics, want) {
		t.Errorf("metrics %v, %v; want %v", got.Metrics, err, want)
	}
	s.Answers[0].Metrics["eval_examples"] = -5 // as SubmitUpdate would refuse
	got, err = s.Result(nil, nil, round.File{}, round.File{})
	if err != nil || got.Metrics["eval_loss"] != 2 || got.Metrics["eval_examples"] != 10 {
		t.Errorf("with a negative number of rows: %v, %v", got.Metrics, err)
	}
}

// TestOnePeerTakesNoMeansAway: what one peer claims costs the round no mean but
// that of the same name.
func TestOnePeerTakesNoMeansAway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		claim func(fl.Metrics)
		lost  []string
	}{
		"honest":         {func(fl.Metrics) {}, nil},
		"a large loss":   {func(m fl.Metrics) { m["loss"] = math.MaxFloat64 }, []string{"loss"}},
		"a large number": {func(m fl.Metrics) { m["eval_accuracy"] = -math.MaxFloat64 }, []string{"eval_accuracy"}},
		"names of its own": {func(m fl.Metrics) {
			delete(m, "eval_accuracy") // the others tell it: one name too many
			for i := range fl.MaxMetrics - len(m) {
				m[fmt.Sprintf("eval_%c", 'a'+i)] = 1
			}
		}, nil},
	} {
		s := closed(t)
		for _, a := range s.Answers {
			a.Metrics["accuracy"], a.Metrics["eval_loss"], a.Metrics["eval_accuracy"], a.Metrics["eval_examples"] = 0.5, 1, 0.5, 10
		}
		c.claim(s.Answers[1].Metrics)
		got, err := s.Result(nil, nil, round.File{}, round.File{})
		if err != nil || got.Metrics.Validate() != nil {
			t.Errorf("%s: %v, %v", name, got.Metrics, err)
		}
		for _, metric := range []string{"loss", "accuracy", "eval_loss", "eval_accuracy", "eval_examples"} {
			if _, told := got.Metrics[metric]; told == slices.Contains(c.lost, metric) {
				t.Errorf("%s: %s in %v is %v", name, metric, got.Metrics, told)
			}
		}
	}
}

// TestHolderThatCannotGoOn: a holder that does not come by the card gives up
// its term in time, and one that waits for peers derives nothing.
func TestHolderThatCannotGoOn(t *testing.T) {
	t.Parallel()
	s := closed(t)
	s.Job.Spec.NumRounds, s.Job.Spec.RoundTimeoutS, s.Job.Round, s.Job.Finals = 1, 1, 1, 1
	s.Round.State, s.Round.Ended = job.RoundFinal, 1000
	s.Commit = &round.Claim{Attested: []round.Statement{{Node: ledger.ID{1}}}}
	facts := round.Facts{Node: ledger.ID{1}}
	for _, c := range []struct {
		at   int64
		want bool
	}{{1000 + round.StuckAfter - 1, false}, {1000 + round.StuckAfter, true}} {
		s.LogTime = c.at
		actions := round.Decide(s, facts)
		writes := slices.Contains(keys(actions), round.WriteCard{}.Key())
		if gives := submits(actions, fl.MethodGiveUpTerm); gives != c.want || !writes {
			t.Errorf("at %d ms: gives up %t, writes the card %t; want %t and true", c.at, gives, writes, c.want)
		}
	}

	s = round.Snapshot{ID: s.ID, LogTime: 1000, Group: s.Group, Job: fl.Job{Spec: spec(), State: job.StateWaiting, Idle: 1000}, Term: s.Term}
	if slices.Contains(keys(round.Decide(s, facts)), round.Derive{}.Key()) {
		t.Error("the initial model is derived for a job without peers")
	}
	for i := range s.Job.Spec.MinAvailablePeers {
		facts.Online = append(facts.Online, ledger.ID{byte(i + 1)})
	}
	if !slices.Contains(keys(round.Decide(s, facts)), round.Derive{}.Key()) {
		t.Error("the initial model is not derived, though all peers are there")
	}
}

// TestWhoCameLaterTakesNoTerm: a node that came into the group while a round was
// at work can't commit it, so it leaves the term to those who can, until the
// round is over.
func TestWhoCameLaterTakesNoTerm(t *testing.T) {
	t.Parallel()
	for state, want := range map[job.RoundState]bool{
		job.RoundOpen: false, job.RoundClosed: false, job.RoundCommitted: false, job.RoundFinal: true, job.RoundVoid: true,
	} {
		s := closed(t)
		s.Round.State, s.Term.GivenUp, s.LogTime = state, true, 2000
		s.Commit = &round.Claim{Attested: []round.Statement{{Node: ledger.ID{1}}, {Node: ledger.ID{2}}}}
		s.Group = ledger.Group{Epoch: 1, Nodes: []ledger.GroupNode{{Node: ledger.ID{2}}, {Node: ledger.ID{3}}}}
		s.LogTime += 10 * round.Stagger
		if takes := submits(round.Decide(s, round.Facts{Node: ledger.ID{3}}), fl.MethodTakeTerm); takes != want {
			t.Errorf("round %s: who came later takes the term: %t, want %t", state, takes, want)
		}
		if !submits(round.Decide(s, round.Facts{Node: ledger.ID{2}}), fl.MethodTakeTerm) {
			t.Errorf("round %s: who was there does not", state)
		}
	}
}

func keys(actions []round.Action) []string {
	all := make([]string, len(actions))
	for i, a := range actions {
		all[i] = a.Key()
	}
	return all
}

func submits(actions []round.Action, method string) bool {
	return slices.ContainsFunc(actions, func(a round.Action) bool {
		s, ok := a.(round.Submit)
		return ok && s.Method == method
	})
}

// TestNobodyWaitsForWhoCannotCommit: a node that joined after the round at work was
// opened takes no term over it, so that those behind it among the candidates have
// their turn at once, also while the cohort is not drawn yet.
func TestNobodyWaitsForWhoCannotCommit(t *testing.T) {
	t.Parallel()
	joined, tried := ledger.ID{3}, 0
	for _, state := range []job.RoundState{job.RoundClosed, job.RoundDrawing} {
		for term := range uint64(30) {
			s := closed(t)
			s.Round.State = state
			s.Term = &fl.Term{Term: term, Holder: ledger.ID{9}, Renewed: 1000, GivenUp: true}
			s.Group.Nodes = append(slices.Clone(s.Group.Nodes), ledger.GroupNode{Node: joined})
			order := round.Candidates(s.ID, term+1, &s.Group)
			if order[0] != joined {
				continue
			}
			tried++
			takes := func(node ledger.ID) bool {
				return slices.ContainsFunc(round.Decide(s, round.Facts{Node: node}), func(a round.Action) bool {
					submit, ok := a.(round.Submit)
					return ok && submit.Method == fl.MethodTakeTerm
				})
			}
			if !takes(order[1]) || takes(order[2]) || takes(joined) {
				t.Errorf("%s, term %d: the first that can commit takes it: %t, the second: %t, who joined: %t", state, term+1, takes(order[1]), takes(order[2]), takes(joined))
			}
		}
	}
	if tried < 10 {
		t.Errorf("%d terms tried", tried)
	}
}
