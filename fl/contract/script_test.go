package contract_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/fxamacker/cbor/v2"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/cohort"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/job"
)

// TestScripts runs testdata/scripts/*: stories told in calls, with what each call
// ended with. Run with -rewrite and read the difference after a change.
func TestScripts(t *testing.T) {
	t.Parallel()
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		t.Helper()
		s := &script{names: map[string]string{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			return s.run(t, d)
		})
	})
}

type script struct {
	ledger *contracttest.Ledger
	job    ledger.Digest
	names  map[string]string // of raw ids and digests
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	switch d.Cmd {
	case "ledger":
		return s.begin(t, d)
	case "wait":
		by, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		s.ledger.Now += by.Milliseconds()
		return ""
	case "show":
		return s.show(t)
	case "group":
		var nodes []string
		for _, arg := range d.CmdArgs {
			nodes = append(nodes, arg.Key)
		}
		if err := s.ledger.Regroup(nodes...); err != nil {
			d.Fatalf(t, "%v", err)
		}
		return ""
	case "suspend":
		if err := s.ledger.Suspend(d.CmdArgs[0].Key); err != nil {
			d.Fatalf(t, "%v", err)
		}
		return ""
	}
	sender := contracttest.ID(d.CmdArgs[0].Key)
	args := s.args(t, d)
	refused, events, err := s.ledger.Call(sender, d.Cmd, args)
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	if refused != nil {
		return s.named(refused.Error()) + "\n"
	}
	var out strings.Builder
	for _, e := range events {
		fmt.Fprintf(&out, "%s%s\n", e.Type, s.event(t, e.Data))
	}
	if out.Len() == 0 {
		return "ok\n"
	}
	return out.String()
}

func (s *script) begin(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	var nodes, organisations, peers int
	d.ScanArgs(t, "nodes", &nodes)
	d.ScanArgs(t, "organisations", &organisations)
	d.ScanArgs(t, "peers", &peers)
	l, err := contracttest.New(nodes, organisations, peers)
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	s.ledger = l
	s.name("alice")
	s.name("bob")
	for i := range max(nodes, peers) {
		s.name(contracttest.Node(i))
		s.name(contracttest.Peer(i))
	}
	return ""
}

func (s *script) name(name string) {
	id := contracttest.ID(name)
	s.names[string(id[:])] = name
}

// file returns the digest of a file by its name; "none" is no file.
func (s *script) file(name string) ledger.Digest {
	if name == "none" {
		return ledger.Digest{}
	}
	digest := ledger.Hash([]byte(name))
	s.names[string(digest[:])] = name
	return digest
}

// named replaces ids in a text by their names.
func (s *script) named(text string) string {
	for raw, name := range s.names {
		text = strings.ReplaceAll(text, fmt.Sprintf("%x", raw), name)
	}
	return text
}

func (s *script) event(t *testing.T, data []byte) string {
	t.Helper()
	var fields map[string]any
	if err := cbor.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != "job" && name != "spec" {
			fmt.Fprintf(&out, " %s=%s", name, s.value(fields[name]))
		}
	}
	return out.String()
}

func (s *script) value(v any) string {
	switch v := v.(type) {
	case []byte:
		if name, ok := s.names[string(v)]; ok {
			return name
		}
		if strings.Trim(string(v), "\x00") == "" {
			return "none"
		}
		return fmt.Sprintf("%x", v[:4])
	case []any:
		all := make([]string, len(v))
		for i := range v {
			all[i] = s.value(v[i])
		}
		return "[" + strings.Join(all, " ") + "]"
	}
	return fmt.Sprint(v)
}

func (s *script) show(t *testing.T) string {
	t.Helper()
	j, ok, err := fl.LoadJob(s.ledger, s.job)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	out := fmt.Sprintf("job %s %s finals=%d voids=%d model=%s\n", j.State, j.Reason, j.Finals, j.Voids, s.value(j.Model[:]))
	if j.Best > 0 {
		out += fmt.Sprintf("best round %d: %v\n", j.Best, j.BestValue)
	}
	if r, ok, err := fl.LoadRound(s.ledger, s.job, j.Round); err == nil && ok {
		out += fmt.Sprintf("round %d attempt=%d %s submitted=%d declined=%d of %d agreed=%d dissented=%d of %d\n",
			j.Round, r.Attempt, r.State, r.Submitted, r.Declined, r.Cohort, r.Agreed, r.Dissented, r.Nodes)
		for _, lost := range r.Lost {
			out += fmt.Sprintf("term %d of attempt %d lost by %s: %s, %d for and %d against\n",
				lost.Term, lost.Attempt, s.value(lost.Node[:]), lost.Loss, lost.Agreed, lost.Dissented)
		}
	}
	return out
}

// args reads a call's arguments; what the script leaves out has a default.
func (s *script) args(t *testing.T, d *datadriven.TestData) any {
	t.Helper()
	text := func(name, otherwise string) string {
		d.MaybeScanArgs(t, name, &otherwise)
		return otherwise
	}
	number := func(name string) uint64 {
		n, err := strconv.ParseUint(text(name, "1"), 10, 64)
		if err != nil {
			d.Fatalf(t, "%s: %v", name, err)
		}
		return n
	}
	list := func(name string) []string {
		for _, a := range d.CmdArgs {
			if a.Key == name {
				return a.Vals
			}
		}
		return nil
	}
	ids := func(name string) []ledger.ID {
		var all []ledger.ID
		for _, n := range list(name) {
			all = append(all, contracttest.ID(n))
		}
		slices.SortFunc(all, func(a, b ledger.ID) int { return strings.Compare(a.String(), b.String()) })
		return all
	}
	switch d.Cmd {
	case fl.MethodCreateJob:
		spec, err := job.ParseYAML([]byte(d.Input))
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		if layers := text("layers", ""); layers == "none" {
			spec.Model.Layers = nil
		}
		key := []byte(text("key", "key"))
		if d.CmdArgs[0].Key == "alice" {
			s.job = fl.JobID(contracttest.ID(d.CmdArgs[0].Key), key)
			s.names[string(s.job[:])] = "JOB"
		}
		return &fl.CreateJob{Key: key, Spec: spec}
	case fl.MethodCancelJob:
		return &fl.CancelJob{Job: s.job}
	case fl.MethodRegisterPeer:
		return &fl.RegisterPeer{Available: text("available", "true") == "true"}
	case fl.MethodTakeTerm:
		return &fl.TakeTerm{Job: s.job, Term: number("term")}
	case fl.MethodRenewTerm:
		return &fl.RenewTerm{Job: s.job, Term: number("term")}
	case fl.MethodGiveUpTerm:
		return &fl.GiveUpTerm{Job: s.job, Term: number("term")}
	case fl.MethodOpenRound:
		a := &fl.OpenRound{
			Job: s.job, Round: number("round"), Term: number("term"), Roster: ids("roster"),
			Model: s.file(text("model", "m0")), ModelSize: 100, Nodes: ids("nodes"),
		}
		if state := text("state", ""); state != "" {
			a.State, a.StateSize, a.StateTerm = s.file(state), 50, number("state_term")
		}
		return a
	case fl.MethodCommitChain:
		return &fl.CommitChain{Number: number("number"), Anchor: cohort.Value(s.file(text("secret", d.CmdArgs[0].Key)), 0)}
	case fl.MethodReveal:
		a := &fl.RevealPreimage{Job: s.job, Round: number("round"), Attempt: s.attempt(text("attempt", "")), Value: s.file(text("secret", d.CmdArgs[0].Key))}
		a.Value = cohort.Value(a.Value, number("index"))
		return a
	case fl.MethodDrawCohort:
		a := &fl.DrawCohort{Job: s.job, Round: number("round"), Attempt: s.attempt(text("attempt", "")), Term: number("term"), Cohort: ids("cohort")}
		if draw, ok, err := fl.LoadDraw(s.ledger, s.job, a.Round); err == nil && ok && len(a.Cohort) == 0 {
			a.Cohort = s.drawn(t, draw, a.Round)
		}
		return a
	case fl.MethodSubmitUpdate:
		a := &fl.SubmitUpdate{
			Job: s.job, Round: number("round"), Attempt: s.attempt(text("attempt", "")), Digest: s.file(text("file", "update of "+d.CmdArgs[0].Key)), Size: 100,
			NumExamples: number("examples"), Metrics: fl.Metrics{"loss": 0.5},
		}
		if held := text("held_out", ""); held != "" {
			rows, err := strconv.ParseFloat(held, 64)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			a.Metrics[fl.EvalExamples] = rows
		}
		for _, spec := range list("receipts") {
			a.Receipts = append(a.Receipts, s.receipt(contracttest.ID(d.CmdArgs[0].Key), a, spec))
		}
		return a
	case fl.MethodDeclineUpdate:
		return &fl.DeclineUpdate{Job: s.job, Round: number("round"), Attempt: s.attempt(text("attempt", "")), Reason: fl.Decline(text("reason", "policy"))}
	case fl.MethodCloseRound:
		return &fl.CloseRound{Job: s.job, Round: number("round"), Attempt: s.attempt(text("attempt", "")), Term: number("term"), Set: ids("set")}
	case fl.MethodCommitRound:
		return s.commit(t, d, text, number, list)
	case fl.MethodAttestRound:
		commit, ok, err := fl.LoadCommit(s.ledger, s.job, number("round"), number("term"))
		if err != nil || !ok {
			commit = &fl.Commit{}
		}
		a := &fl.AttestRound{
			Job: s.job, Round: number("round"), Attempt: number("attempt"), Term: number("term"),
			Set: commit.Set, Weights: commit.Weights, Model: commit.Model, Dissent: fl.Dissent(text("dissent", "")),
		}
		if model := text("model", ""); model != "" {
			a.Model = s.file(model)
		}
		if state := text("state", ""); state != "" {
			a.State = s.file(state)
		}
		return a
	case fl.MethodExpireCommit:
		return &fl.ExpireCommit{Job: s.job, Round: number("round"), Term: number("term")}
	case fl.MethodCloseJob:
		a := &fl.CloseJob{Job: s.job, Round: number("round"), Term: number("term"), State: job.State(text("state", "finished"))}
		if a.Reason = job.Reason(text("reason", "")); a.Reason == "" {
			a.Model, a.ModelSize, a.Card, a.CardSize = s.file(text("model", "m1")), 100, s.file("card"), 100
		}
		return a
	}
	d.Fatalf(t, "unknown command %s", d.Cmd)
	return nil
}

// drawn returns the cohort that a draw gives.
func (s *script) drawn(t *testing.T, draw *fl.Draw, round uint64) []ledger.ID {
	t.Helper()
	j, _, err := fl.LoadJob(s.ledger, s.job)
	if err != nil {
		t.Fatal(err)
	}
	roster, _, err := fl.LoadRoster(s.ledger, s.job, round)
	if err != nil {
		t.Fatal(err)
	}
	peers, err := draw.Cohort(s.job, round, &j.Spec, roster.Peers)
	if err != nil {
		t.Fatal(err)
	}
	return peers
}

// attempt returns the number that a script gives, or the one at work.
func (s *script) attempt(text string) uint64 {
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return n
	}
	j, ok, err := fl.LoadJob(s.ledger, s.job)
	if err != nil || !ok {
		return 1
	}
	if r, ok, err := fl.LoadRound(s.ledger, s.job, j.Round); err == nil && ok {
		return r.Attempt
	}
	return 1
}

// commit takes the set from the state, minus what is refused.
func (s *script) commit(t *testing.T, d *datadriven.TestData, text func(string, string) string, number func(string) uint64, list func(string) []string) any {
	t.Helper()
	a := &fl.CommitRound{
		Job: s.job, Round: number("round"), Attempt: number("attempt"), Term: number("term"),
		Model: s.file(text("model", "m1")), Metrics: fl.Metrics{"accuracy": 0.75},
	}
	if !a.Model.IsZero() {
		a.ModelSize = 100
	}
	if state := text("state", ""); state != "" {
		a.State, a.StateSize = s.file(state), 50
	}
	refused := map[ledger.ID]bool{}
	for _, r := range list("refused") {
		peer, reason, _ := strings.Cut(r, ":")
		a.Refused = append(a.Refused, fl.Refused{Peer: contracttest.ID(peer), Reason: aggregator.Refusal(reason)})
		refused[contracttest.ID(peer)] = true
	}
	var set []fl.Averaged
	if cohort, ok, err := fl.LoadCohort(s.ledger, s.job, a.Round); err == nil && ok {
		for _, peer := range cohort.Peers {
			u, _, err := fl.LoadUpdate(s.ledger, s.job, a.Round, peer)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			if u.State == fl.UpdateSubmitted && !refused[peer] {
				set = append(set, fl.Averaged{Peer: peer, Digest: u.Digest, Weight: u.NumExamples})
			}
		}
	}
	var err error
	if a.Set, err = fl.SetDigest(set); err != nil {
		d.Fatalf(t, "%v", err)
	}
	if a.Weights, err = fl.WeightsDigest(set); err != nil {
		d.Fatalf(t, "%v", err)
	}
	if text("set", "right") == "wrong" {
		a.Set = s.file("another set")
	}
	if a.Input = text("input", "right") == "wrong"; a.Input {
		a.Weights = ledger.Digest{}
	}
	return a
}

// receipt makes the receipt of a node; "node-0:size" is wrong in its size.
func (s *script) receipt(peer ledger.ID, a *fl.SubmitUpdate, spec string) []byte {
	node, wrong, _ := strings.Cut(spec, ":")
	signer := node
	if wrong == "signature" {
		signer = "alice"
	}
	b := s.ledger.Receipt(node, signer, func(r *ledger.Receipt) {
		r.Blob, r.Size, r.Subject, r.Round, r.Attempt, r.Sender = a.Digest, a.Size, fl.ReceiptSubject(a.Job), a.Round, a.Attempt, peer
		switch wrong {
		case "blob":
			r.Blob = s.file("another")
		case "size":
			r.Size++
		case "job":
			r.Subject = fl.ReceiptSubject(s.file("another job"))
		case "round":
			r.Round++
		case "attempt":
			r.Attempt++
		case "sender":
			r.Sender = contracttest.ID("peer-1")
		case "chain":
			r.Chain = s.file("another chain")
		case "epoch":
			r.Epoch++
		case "shard":
			r.Shard++
		}
	})
	if wrong == "bytes" {
		return b[:len(b)-1]
	}
	return b
}
