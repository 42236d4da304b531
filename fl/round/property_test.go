package round_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/cohort"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/round"
)

// TestSchedules drives fleets through random mishaps: nodes die, lie, act on
// old snapshots, peers come and go, old transactions are sent again. Whatever
// happens, the ledger's rows stay consistent, and once all is well again the
// job ends.
func TestSchedules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		spec := job.Defaults()
		spec.Model.Layers = []int64{64, 10}
		spec.NumRounds = rapid.Int64Range(1, 3).Draw(t, "rounds")
		spec.MinTrainPeers = rapid.Int64Range(1, 3).Draw(t, "min_train_peers")
		spec.MinAvailablePeers = spec.MinTrainPeers
		spec.RoundTimeoutS, spec.WaitForPeersS = 100, 500
		spec.MaxTerms = rapid.Int64Range(1, 6).Draw(t, "max_terms")
		if rapid.Bool().Draw(t, "draws") {
			spec.FractionTrain = rapid.SampledFrom([]float64{0.3, 0.5, 0.9}).Draw(t, "fraction_train")
			spec.OverSelection = rapid.SampledFrom([]float64{0, 0.5}).Draw(t, "over_selection")
		}
		nodes := rapid.IntRange(1, 5).Draw(t, "nodes")
		f, err := newFleet(nodes, nodes, 3, spec)
		if err != nil {
			t.Fatal(err)
		}
		w := &watch{fleet: f, rows: map[string]string{}}
		f.after = w.check
		s := &schedule{fleet: f}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			if err := s.step(t); err != nil {
				t.Fatalf("%v\n%s", err, strings.Join(f.log, "\n"))
			}
		}
		s.recover(t)
	})
}

type schedule struct {
	fleet *fleet
	old   []round.Snapshot
}

func (s *schedule) step(t *rapid.T) error {
	f := s.fleet
	n := f.nodes[rapid.IntRange(0, len(f.nodes)-1).Draw(t, "node")]
	p := f.peers[rapid.IntRange(0, len(f.peers)-1).Draw(t, "peer")]
	switch rapid.SampledFrom([]string{
		"act", "act", "act", "act", "answer", "answer", "settle", "pass", "pass", "stale", "replay",
		"kill", "restart", "lie", "break", "lose", "mute", "mute", "forget", "online", "offline", "silent", "decline", "rubbish", "stranger", "cancel",
	}).Draw(t, "what") {
	case "act":
		return s.act(n)
	case "stale":
		return s.stale(t, n)
	case "answer":
		now, err := f.snapshot()
		if err != nil {
			return err
		}
		_, err = f.answer(p, &now)
		return err
	case "settle":
		_, err := f.settle()
		return errorsOf(f, err, nil)
	case "pass":
		f.ledger.Now += rapid.SampledFrom([]int64{1, 1000, 10_000, 30_000, 100_000}).Draw(t, "ms")
	case "replay":
		c := f.calls[rapid.IntRange(0, len(f.calls)-1).Draw(t, "call")]
		_, err := f.call(c.name, c.sender, c.method, c.args)
		return err
	case "stranger":
		c := f.calls[rapid.IntRange(0, len(f.calls)-1).Draw(t, "call")]
		return s.stranger(c)
	case "cancel":
		if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
			_, err := f.call("alice", contracttest.ID("alice"), fl.MethodCancelJob, &fl.CancelJob{Job: f.job})
			return err
		}
	case "kill":
		n.down = true
	case "restart":
		n.restart(f.ledger.Now)
	case "lie":
		n.liar = !n.liar
	case "break":
		n.broken = !n.broken
	case "lose":
		clear(n.held)
	case "mute":
		n.mute = !n.mute
	case "forget":
		n.chains++
	case "online":
		p.offline, p.silent, p.declines, p.bad = false, false, false, ""
	case "offline":
		p.offline = true
	case "silent":
		p.silent = true
	case "decline":
		p.declines = true
	case "rubbish":
		p.bad = aggregator.RefusedShape
	}
	return nil
}

// act lets a node act on the ledger as it is: nothing may be refused, but what
// the node's earlier actions of the same call have overtaken.
func (s *schedule) act(n *node) error {
	if n.down {
		return nil
	}
	now, err := s.fleet.snapshot()
	if err != nil {
		return err
	}
	s.old = append(s.old, now)
	_, _, err = s.fleet.act(n, now)
	return errorsOf(s.fleet, err, nil)
}

// stale lets a node act on an old snapshot: it may lose races, no more.
func (s *schedule) stale(t *rapid.T, n *node) error {
	if n.down || len(s.old) == 0 {
		return nil
	}
	old := s.old[rapid.IntRange(0, len(s.old)-1).Draw(t, "snapshot")]
	_, _, err := s.fleet.act(n, old)
	return errorsOf(s.fleet, err, []ledger.Code{
		contract.CodeTooEarly, contract.CodeConflict, fl.CodeWithheld, fl.CodeStaleTerm, fl.CodeRoundState, fl.CodeAnswered, fl.CodeJobOver,
		contract.CodeBadArguments, // an attestation of another commit than the one that stands
	})
}

// errorsOf turns refusals other than the allowed ones into an error.
func errorsOf(f *fleet, err error, allowed []ledger.Code) error {
	for _, r := range f.refused {
		if err == nil && !slices.Contains(allowed, r.Code) {
			err = fmt.Errorf("the contract refused what Decide named: %w", r)
		}
	}
	f.refused = nil
	return err
}

// stranger sends somebody's transaction in another's name.
func (s *schedule) stranger(c call) error {
	if c.method == fl.MethodCreateJob {
		return nil // bob may create a job of his own
	}
	refused, err := s.fleet.call("bob", contracttest.ID("bob"), c.method, c.args)
	if err == nil && refused == nil {
		err = fmt.Errorf("bob may %s", c.method)
	}
	return err
}

// recover makes all well and waits for the end of the job.
func (s *schedule) recover(t *rapid.T) {
	f := s.fleet
	for _, n := range f.nodes {
		n.restart(f.ledger.Now)
		n.liar, n.broken, n.mute = false, false, false
	}
	for _, p := range f.peers {
		p.offline, p.silent, p.declines, p.bad = false, false, false, ""
	}
	err := f.runUntil(f.ledger.Now + 24*3600*1000)
	if err := errorsOf(f, err, nil); err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(f.log, "\n"))
	}
	j, ok, err := fl.LoadJob(f.ledger, f.job)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if !j.State.Terminal() {
		t.Fatalf("the job is %s %s after a day\n%s", j.State, j.Reason, strings.Join(f.log, "\n"))
	}
}

// watch checks after each transaction what must hold between rows, and what
// must never change.
type watch struct {
	fleet *fleet
	rows  map[string]string // rows that are fixed by now
}

func (w *watch) check() error {
	j, ok, err := fl.LoadJob(w.fleet.ledger, w.fleet.job)
	if err != nil || !ok {
		return err
	}
	if j.Finals > j.Round || j.Round > j.Finals+1 || j.Voids > job.MaxVoids {
		return fmt.Errorf("job at round %d with %d final and %d void running", j.Round, j.Finals, j.Voids)
	}
	if j.State.Terminal() {
		if err := w.fixed("job", fl.JobRow(w.fleet.job)); err != nil {
			return err
		}
	}
	if j.State == job.StateFinished && (j.Finals != uint64(j.Spec.NumRounds) || j.Card.IsZero()) {
		return fmt.Errorf("finished with %d of %d rounds", j.Finals, j.Spec.NumRounds)
	}
	for number := uint64(1); number <= j.Round; number++ {
		if err := w.round(j, number); err != nil {
			return fmt.Errorf("round %d: %w", number, err)
		}
	}
	return nil
}

func (w *watch) round(j *fl.Job, number uint64) error {
	r, ok, err := fl.LoadRound(w.fleet.ledger, w.fleet.job, number)
	if err != nil || !ok {
		return fmt.Errorf("missing: %w", err)
	}
	if (number <= j.Finals) != (r.State == job.RoundFinal) {
		return fmt.Errorf("%s though %d are final", r.State, j.Finals)
	}
	if r.State == job.RoundFinal && (r.Agreed < r.Quorum() || r.Submitted < uint64(j.Spec.MinTrainPeers)) {
		return fmt.Errorf("final with %d of %d and %d updates", r.Agreed, r.Nodes, r.Submitted)
	}
	if (r.State == job.RoundCommitted) != (r.Committed != 0 && r.Ended == 0) {
		return fmt.Errorf("%s, committed at %d, ended at %d", r.State, r.Committed, r.Ended)
	}
	if err := w.answers(r, number); err != nil {
		return err
	}
	if r.Closed != 0 {
		if err := w.same(fmt.Sprintf("set/%d/%d", number, r.Attempt), r.Set.String()); err != nil {
			return err
		}
	}
	if err := w.lost(j, r, number); err != nil {
		return err
	}
	if r.Committed == 0 {
		return nil
	}
	return w.claim(r, number, fl.LostTerm{Term: r.CommitTerm, Attempt: r.Attempt, Agreed: r.Agreed, Dissented: r.Dissented})
}

// claim checks a commit and the words on it, which never change, against what
// was counted.
func (w *watch) claim(r *fl.Round, number uint64, c fl.LostTerm) error {
	l, id := w.fleet.ledger, w.fleet.job
	if err := w.fixed(fmt.Sprintf("commit/%d", c.Attempt), fl.CommitRow(id, number, c.Term)); err != nil {
		return err
	}
	agreed, dissented := uint64(0), uint64(0)
	for _, n := range w.fleet.nodes {
		a, ok, err := fl.LoadAttestation(l, id, number, c.Term, n.id)
		if err != nil {
			return err
		}
		switch {
		case !ok || a.Attempt != c.Attempt:
			continue
		case a.Dissent == "":
			agreed++
		default:
			dissented++
		}
		if err := w.fixed(fmt.Sprintf("attest/%d", c.Attempt), fl.AttestRow(id, number, c.Term, n.id)); err != nil {
			return err
		}
	}
	if agreed != c.Agreed || dissented != c.Dissented || agreed+dissented > r.Nodes {
		return fmt.Errorf("term %d: %d agree and %d dissent, counted %d and %d of %d", c.Term, agreed, dissented, c.Agreed, c.Dissented, r.Nodes)
	}
	return nil
}

// lost checks the terms that a round has lost, and that who was outvoted holds
// no term any more.
func (w *watch) lost(j *fl.Job, r *fl.Round, number uint64) error {
	t, ok, err := fl.LoadTerm(w.fleet.ledger, w.fleet.job)
	if err != nil || !ok {
		return fmt.Errorf("term missing: %w", err)
	}
	if slices.Contains(t.Barred, t.Holder) && !t.Lost && !j.State.Terminal() {
		return fmt.Errorf("%s holds term %d, though it was outvoted", w.fleet.names[t.Holder], t.Term)
	}
	for i, c := range r.Lost {
		if err := w.same(fmt.Sprintf("lost/%d/%d", number, i), fmt.Sprint(c.Term, c.Node, c.Loss)); err != nil {
			return err
		}
		if err := w.claim(r, number, c); err != nil {
			return err
		}
		if c.Loss == fl.LossWithheld && (c.Attempt == r.Attempt && r.Nodes-c.Dissented-r.Withheld >= r.Quorum() || slices.Contains(t.Barred, c.Node) && c.Dissented == 0) {
			return fmt.Errorf("term %d lost by %d dissents and %d withheld of %d", c.Term, c.Dissented, r.Withheld, r.Nodes)
		}
		if c.Loss == fl.LossOutvoted && (r.Nodes-c.Dissented >= r.Quorum() || !slices.Contains(t.Barred, c.Node)) {
			return fmt.Errorf("term %d outvoted by %d of %d, barred are %v", c.Term, c.Dissented, r.Nodes, t.Barred)
		}
		if i > 0 && c.Term <= r.Lost[i-1].Term {
			return fmt.Errorf("term %d lost after term %d", c.Term, r.Lost[i-1].Term)
		}
	}
	spent := int64(len(r.Lost)) >= j.Spec.MaxTerms || len(t.Barred) == len(w.fleet.nodes)
	if draw, drawn, err := fl.LoadDraw(w.fleet.ledger, w.fleet.job, number); err != nil {
		return err
	} else if drawn && r.State == job.RoundFailed {
		spent = spent || !slices.ContainsFunc(draw.Links, func(l fl.Link) bool {
			return l.Revealed != 0 && !slices.Contains(t.Barred, l.Node)
		})
	}
	if (r.State == job.RoundFailed) != (spent && number == j.Round) {
		return fmt.Errorf("%s with %d of %d terms lost and %d nodes barred", r.State, len(r.Lost), j.Spec.MaxTerms, len(t.Barred))
	}
	if r.State == job.RoundFailed && j.State != job.StateFailed {
		return fmt.Errorf("failed in a job that is %s", j.State)
	}
	return nil
}

// answers checks the round's counters against the rows of its peers.
func (w *watch) answers(r *fl.Round, number uint64) error {
	if err := w.drawn(r, number); err != nil {
		return err
	}
	if r.Cohort == 0 && r.Submitted+r.Declined == 0 && (r.State == job.RoundDrawing || r.State == job.RoundVoid) {
		return nil // nobody is asked yet, or nobody was
	}
	counts := map[fl.UpdateState]uint64{}
	asked, ok, err := fl.LoadCohort(w.fleet.ledger, w.fleet.job, number)
	if err != nil || !ok || asked.Attempt != r.Attempt {
		return fmt.Errorf("cohort missing: %w", err)
	}
	for _, p := range asked.Peers {
		u, ok, err := fl.LoadUpdate(w.fleet.ledger, w.fleet.job, number, p)
		if err != nil || !ok || u.Attempt != r.Attempt {
			return fmt.Errorf("update of %s missing: %w", p, err)
		}
		counts[u.State]++
	}
	if counts[fl.UpdateSubmitted] != r.Submitted || counts[fl.UpdateDeclined] != r.Declined || uint64(len(asked.Peers)) != r.Cohort {
		return fmt.Errorf("counted %d submitted and %d declined, rows say %v", r.Submitted, r.Declined, counts)
	}
	return nil
}

// drawn checks how a round's cohort is drawn: each index of a chain is given
// once, what a node revealed is what it had committed to, the cohort is the one
// that follows, and who withheld has no word.
func (w *watch) drawn(r *fl.Round, number uint64) error {
	l, id := w.fleet.ledger, w.fleet.job
	draw, ok, err := fl.LoadDraw(l, id, number)
	if err != nil || !ok {
		return err
	}
	roster, ok, err := fl.LoadRoster(l, id, number)
	if err != nil || !ok || roster.Attempt != r.Attempt || draw.Attempt != r.Attempt {
		return fmt.Errorf("roster missing: %w", err)
	}
	if err := w.fixed(fmt.Sprintf("roster/%d", r.Attempt), fl.RosterRow(id, number)); err != nil {
		return err
	}
	for _, link := range draw.Links {
		if link.Chain == 0 {
			continue
		}
		place := fmt.Sprintf("index/%s/%d/%d", link.Node, link.Chain, link.Index)
		if err := w.same(place, fmt.Sprint(number, r.Attempt)); err != nil {
			return err
		}
		if link.Revealed != 0 && !cohort.Leads(link.Value, link.Known, link.Index-link.From) {
			return fmt.Errorf("%s revealed another value than it had committed to", link.Node)
		}
		_, spoke, err := fl.LoadAttestation(l, id, number, r.CommitTerm, link.Node)
		if err != nil || link.Revealed == 0 && r.Committed != 0 && spoke {
			return fmt.Errorf("%s withheld and has a word, %w", link.Node, err)
		}
	}
	if draw.Drawn == 0 {
		return nil
	}
	if err := w.fixed(fmt.Sprintf("draw/%d", r.Attempt), fl.DrawRow(id, number)); err != nil {
		return err
	}
	j, _, err := fl.LoadJob(l, id)
	if err != nil {
		return err
	}
	want, err := draw.Cohort(id, number, &j.Spec, roster.Peers)
	if err != nil {
		return err
	}
	got, _, err := fl.LoadCohort(l, id, number)
	if err != nil || !slices.Equal(got.Peers, want) {
		return fmt.Errorf("cohort %v, want %v, %w", got, want, err)
	}
	if revealed := draw.Revealed(); revealed < r.Quorum() || revealed+r.Withheld != r.Nodes {
		return fmt.Errorf("drawn with %d of %d revealed, %d withheld", revealed, r.Nodes, r.Withheld)
	}
	return nil
}

// fixed reports a row that changed after it was seen under that name.
func (w *watch) fixed(name string, key contract.Key) error {
	return w.same(name+"/"+string(key), string(w.fleet.ledger.Row(key)))
}

// same reports a value that changed after it was seen under that name.
func (w *watch) same(name, value string) error {
	if before, seen := w.rows[name]; seen && before != value {
		return fmt.Errorf("%q changed", name)
	}
	w.rows[name] = value
	return nil
}
