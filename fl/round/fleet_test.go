package round_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/cohort"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/round"
)

// fleet is nodes and peers around one ledger: the nodes do what Decide says,
// the peers answer tasks. Files are digests alone, and a "model" is a function
// of what would be averaged, so that honest nodes agree and liars do not.
type fleet struct {
	ledger *contracttest.Ledger
	job    ledger.Digest
	names  map[ledger.ID]string
	nodes  []*node
	peers  []*peer
	bad    map[ledger.Digest]aggregator.Refusal
	log    []string // what happened, for people

	// What the property test looks at.
	refused []*contract.Error // transactions of nodes that the contract refused
	calls   []call            // all that were made
	after   func() error      // looks at the ledger after each
}

type node struct {
	name     string
	id       ledger.ID
	down     bool
	liar     bool
	broken   bool // cannot compute
	mute     bool // withholds what its hash chain has
	chains   int  // how often it has lost the secrets of its chains
	started  int64
	held     map[ledger.Digest]bool
	tried    map[ledger.Digest]bool
	initial  *round.File
	computed *round.Computation
	card     *round.File
}

type peer struct {
	name     string
	id       ledger.ID
	offline  bool
	silent   bool // online, but never answers a task
	declines bool
	bad      aggregator.Refusal
}

type call struct {
	name   string
	sender ledger.ID
	method string
	args   any
}

func newFleet(nodes, organisations, peers int, spec job.Spec) (*fleet, error) {
	l, err := contracttest.New(nodes, organisations, peers)
	if err != nil {
		return nil, err
	}
	f := &fleet{ledger: l, names: map[ledger.ID]string{}, bad: map[ledger.Digest]aggregator.Refusal{}}
	for i := range nodes {
		n := &node{name: contracttest.Node(i), id: contracttest.ID(contracttest.Node(i)), started: l.Now, held: map[ledger.Digest]bool{}, tried: map[ledger.Digest]bool{}}
		f.nodes, f.names[n.id] = append(f.nodes, n), n.name
	}
	for i := range peers {
		p := &peer{name: contracttest.Peer(i), id: contracttest.ID(contracttest.Peer(i))}
		f.peers, f.names[p.id] = append(f.peers, p), p.name
		if _, err := f.call(p.name, p.id, fl.MethodRegisterPeer, &fl.RegisterPeer{Available: true}); err != nil {
			return nil, err
		}
	}
	alice, key := contracttest.ID("alice"), []byte("key")
	f.job = fl.JobID(alice, key)
	_, err = f.call("alice", alice, fl.MethodCreateJob, &fl.CreateJob{Key: key, Spec: spec})
	f.log = nil
	return f, err
}

// call executes a transaction and writes down what came of it.
func (f *fleet) call(name string, sender ledger.ID, method string, args any) (*contract.Error, error) {
	refused, events, err := f.ledger.Call(sender, method, args)
	f.calls = append(f.calls, call{name: name, sender: sender, method: method, args: args})
	if err == nil && f.after != nil {
		err = f.after()
	}
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", method, name, err)
	}
	if refused != nil {
		f.note("%s %s: %s", name, method, refused.Code)
		return refused, nil
	}
	for _, e := range events {
		if strings.HasPrefix(e.Type, "round.") || strings.HasPrefix(e.Type, "job.") || strings.HasPrefix(e.Type, "term.") || strings.HasPrefix(e.Type, "chain.") {
			f.note("%s %s: %s%s", name, method, e.Type, detail(e))
		}
	}
	return nil, nil
}

func detail(e ledger.Event) string {
	switch e.Type {
	case fl.EventJobFailed:
		var d fl.JobEnded
		if ledger.Decode("event", e.Data, len(e.Data), &d) == nil {
			return " " + string(d.Reason)
		}
	case fl.EventRoundOpened:
		var d fl.RoundOpened
		if ledger.Decode("event", e.Data, len(e.Data), &d) == nil && d.Roster > 0 {
			return fmt.Sprintf(" with %d of %d, %d withheld", len(d.Cohort), d.Roster, len(d.Withheld))
		}
	case fl.EventTermLost:
		var d fl.TermLost
		if ledger.Decode("event", e.Data, len(e.Data), &d) == nil && d.Loss == fl.LossWithheld {
			return " " + string(d.Loss)
		}
	case fl.EventRoundAttested:
		var d fl.RoundAttested
		if ledger.Decode("event", e.Data, len(e.Data), &d) == nil && d.Dissent != "" {
			return " dissent " + string(d.Dissent)
		}
	case fl.EventRoundClosed:
		var d fl.RoundClosed
		if ledger.Decode("event", e.Data, len(e.Data), &d) == nil {
			return fmt.Sprintf(" with %d", d.Count)
		}
	case fl.EventRoundCommitted:
		var d fl.RoundCommitted
		if ledger.Decode("event", e.Data, len(e.Data), &d) == nil {
			return fmt.Sprintf(" of %d", d.Count)
		}
	}
	return ""
}

func (f *fleet) note(format string, args ...any) {
	at := fmt.Sprintf("%7.1fs ", float64(f.ledger.Now-contracttest.Start)/1000)
	f.log = append(f.log, at+fmt.Sprintf(format, args...))
}

func (f *fleet) snapshot() (round.Snapshot, error) {
	s, ok, err := round.Load(f.ledger, f.job, f.ledger.Now)
	if err == nil && !ok {
		err = fmt.Errorf("no job %s", f.job)
	}
	return s, err
}

func (f *fleet) facts(n *node, s *round.Snapshot) round.Facts {
	facts := round.Facts{
		Node: n.id, Started: n.started, Initial: n.initial, Computed: n.computed, Card: n.card,
	}
	facts.Chain = n.ownChain(s)
	for _, p := range f.peers {
		if !p.offline {
			facts.Online = append(facts.Online, p.id)
		}
	}
	for _, a := range s.Answers {
		switch {
		case a.State != fl.UpdateSubmitted:
		case n.held[a.Digest]:
			facts.Held = append(facts.Held, a.Peer)
		case n.tried[a.Digest]:
			facts.Missing = append(facts.Missing, a.Peer)
		}
	}
	return facts
}

// firstValues holds the first values of the chains that nodes of these tests
// have, which are the same in every fleet: a chain takes a while to compute.
var firstValues sync.Map

// value returns what the node's chain of a number has at an index.
func (n *node) value(number, index uint64) ledger.Digest {
	name := fmt.Sprintf("%s %d %d", n.name, number, n.chains)
	if index >= 64 {
		return cohort.Value(ledger.Hash([]byte(name)), index)
	}
	made, _ := firstValues.LoadOrStore(name, sync.OnceValue(func() [64]ledger.Digest {
		var values [64]ledger.Digest
		values[63] = cohort.Value(ledger.Hash([]byte(name)), 63)
		for i := 62; i >= 0; i-- {
			values[i] = ledger.Hash(values[i+1][:])
		}
		return values
	}))
	values := made.(func() [64]ledger.Digest)()
	return values[index]
}

// ownChain returns what the node knows of its chain, as the coordinator finds it
// out from its key.
func (n *node) ownChain(s *round.Snapshot) (own round.OwnChain) {
	for _, c := range s.Chains {
		if c.Node == n.id {
			own.Next = n.value(c.Number+1, 0)
			own.Known = c.Number > 0 && n.value(c.Number, c.Index) == c.Known
		}
	}
	if n.mute || s.Draw == nil {
		return own
	}
	if l := s.Draw.Link(n.id); l != nil && l.Chain > 0 {
		value := n.value(l.Chain, l.Index)
		if cohort.Leads(value, l.Known, l.Index-l.From) {
			own.Reveal = &value
		}
	}
	return own
}

// act lets a node do what is due by a snapshot. It returns whether anything
// was done, and when the node wants to be woken.
func (f *fleet) act(n *node, s round.Snapshot) (done bool, wake int64, err error) {
	for _, a := range round.Decide(s, f.facts(n, &s)) {
		switch a := a.(type) {
		case round.Submit:
			refused, err := f.call(n.name, n.id, a.Method, a.Args)
			if err != nil {
				return done, wake, err
			}
			if refused != nil {
				f.refused = append(f.refused, refused)
			}
			done = true
		case round.Derive:
			n.initial, done = f.initial(n), true
		case round.Fetch:
			if f.fetch(n, &s, a.Peers) {
				done = true
			}
		case round.Compute:
			if n.broken {
				continue
			}
			c, err := f.compute(n, &s, a.Without)
			if err != nil {
				return done, wake, err
			}
			n.computed, done = &c, true
		case round.WriteCard:
			n.card, done = &round.File{Digest: ledger.Hash([]byte("card")), Size: 4}, true
		case round.Wake:
			wake = a.At
		}
	}
	return done, wake, nil
}

func (f *fleet) initial(n *node) *round.File {
	name := "initial"
	if n.liar {
		name = "another initial"
	}
	return &round.File{Digest: ledger.Hash([]byte(name)), Size: 100}
}

// fetch copies files from other nodes that are up; it reports whether a file
// came, or was tried for the first time.
func (f *fleet) fetch(n *node, s *round.Snapshot, peers []ledger.ID) bool {
	moved := false
	for _, a := range s.Answers {
		if !slices.Contains(peers, a.Peer) || n.held[a.Digest] {
			continue
		}
		found := slices.ContainsFunc(f.nodes, func(o *node) bool { return !o.down && o.held[a.Digest] })
		moved = moved || found || !n.tried[a.Digest]
		n.held[a.Digest], n.tried[a.Digest] = found, true
	}
	return moved
}

func (f *fleet) compute(n *node, s *round.Snapshot, without []ledger.ID) (round.Computation, error) {
	var refused []fl.Refused
	for _, a := range s.Answers {
		if a.State != fl.UpdateSubmitted {
			continue
		}
		if slices.Contains(without, a.Peer) {
			refused = append(refused, fl.Refused{Peer: a.Peer, Reason: aggregator.RefusedUnavailable})
		} else if reason := f.bad[a.Digest]; reason != "" {
			refused = append(refused, fl.Refused{Peer: a.Peer, Reason: reason})
		}
	}
	set := s.Averaged(refused)
	model := round.File{}
	peers := make([]ledger.ID, len(set))
	for i, u := range set {
		peers[i] = u.Peer
	}
	if int64(len(set)) >= s.Job.Spec.MinTrainPeers && fl.Rooted(&s.Job.Spec, peers) {
		content := fmt.Sprintf("%v on %s", set, s.Round.Model)
		if n.liar {
			content += ", more or less"
		}
		model = round.File{Digest: ledger.Hash([]byte(content)), Size: 100}
	}
	return s.Result(without, refused, model, round.File{})
}

// answer lets a peer do its task, if the open round has one for it.
func (f *fleet) answer(p *peer, s *round.Snapshot) (bool, error) {
	if p.offline || p.silent || s.Round == nil || s.Round.State != job.RoundOpen || s.Job.State.Terminal() {
		return false, nil
	}
	for _, a := range s.Answers {
		if a.Peer != p.id || a.State != fl.UpdateExpected {
			continue
		}
		if p.declines {
			_, err := f.call(p.name, p.id, fl.MethodDeclineUpdate, &fl.DeclineUpdate{Job: f.job, Round: s.Job.Round, Attempt: s.Round.Attempt, Reason: fl.DeclinedPolicy})
			return true, err
		}
		return f.submit(p, s)
	}
	return false, nil
}

func (f *fleet) submit(p *peer, s *round.Snapshot) (bool, error) {
	digest := ledger.Hash([]byte(fmt.Sprintf("%s %d %s", p.name, s.Job.Round, s.Round.Model)))
	if p.bad != "" {
		f.bad[digest] = p.bad
	}
	args := &fl.SubmitUpdate{Job: f.job, Round: s.Job.Round, Attempt: s.Round.Attempt, Digest: digest, Size: 100, NumExamples: 10, Metrics: fl.Metrics{"loss": 1}}
	for _, n := range f.nodes {
		if n.down || len(args.Receipts) == 2 {
			continue
		}
		n.held[digest] = true
		args.Receipts = append(args.Receipts, f.ledger.Receipt(n.name, n.name, func(r *ledger.Receipt) {
			r.Blob, r.Size, r.Subject, r.Round, r.Attempt, r.Sender = digest, 100, fl.ReceiptSubject(f.job), s.Job.Round, s.Round.Attempt, p.id
		}))
	}
	if len(args.Receipts) < min(2, len(f.nodes)) {
		return false, nil // the peer tries again when nodes are back
	}
	_, err := f.call(p.name, p.id, fl.MethodSubmitUpdate, args)
	return true, err
}

// settle lets everyone act until nothing is due, and returns the earliest log
// time that a node waits for.
func (f *fleet) settle() (wake int64, err error) {
	for range 1000 {
		moved := false
		wake = 0
		for _, p := range f.peers {
			s, err := f.snapshot()
			if err != nil {
				return 0, err
			}
			did, err := f.answer(p, &s)
			if err != nil {
				return 0, err
			}
			moved = moved || did
		}
		for _, n := range f.nodes {
			if n.down {
				continue
			}
			s, err := f.snapshot()
			if err != nil {
				return 0, err
			}
			did, at, err := f.act(n, s)
			if err != nil {
				return 0, err
			}
			moved = moved || did
			if at > 0 && (wake == 0 || at < wake) {
				wake = at
			}
		}
		if !moved {
			return wake, nil
		}
	}
	return 0, fmt.Errorf("nothing settles:\n%s", strings.Join(f.log[max(0, len(f.log)-20):], "\n"))
}

// runUntil lets log time pass, from one deadline to the next, up to the given
// time or the end of the job.
func (f *fleet) runUntil(at int64) error {
	for {
		wake, err := f.settle()
		if err != nil {
			return err
		}
		if wake == 0 || wake > at {
			f.ledger.Now = max(f.ledger.Now, min(at, max(at, f.ledger.Now)))
			return nil
		}
		f.ledger.Now = max(wake, f.ledger.Now+1)
	}
}

// restart forgets all that a node kept in memory; files stay.
func (n *node) restart(now int64) {
	n.down, n.broken, n.mute, n.started = false, false, false, now
	n.initial, n.computed, n.card = nil, nil, nil
	n.tried = map[ledger.Digest]bool{}
}

func (f *fleet) jobRow(t testing.TB) *fl.Job {
	t.Helper()
	j, ok, err := fl.LoadJob(f.ledger, f.job)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return j
}
