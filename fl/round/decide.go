package round

import (
	"bytes"
	"slices"

	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

// Times in ms of log time.
const (
	// RenewAfter is how old a term's last transaction is when it is renewed: a
	// third of a lease, so that two renewals may be lost.
	RenewAfter = fl.Lease / 3
	// Stagger is what each candidate leaves the one before it, so that not all
	// of them take a free term at once.
	Stagger = 2_000
	// FetchPatience is how long a coordinator tries to get an update before it
	// calls it unavailable.
	FetchPatience = 60_000
	// StuckAfter is how long a coordinator has to compute a closed round or to
	// write the card, or round_timeout_s where that is longer, before it gives up
	// its term so that another node tries.
	StuckAfter = 10 * fl.Lease
	// Grace is what peers and nodes have, after this process started, to come
	// back before a deadline counts.
	Grace = fl.Lease
)

// Decide returns what is due for a job. All times are log time; see [Wake] for
// how time passes.
func Decide(s Snapshot, f Facts) []Action {
	d := decision{s: &s, f: &f}
	d.prefetch()
	d.attest()
	d.chain()
	d.reveal()
	switch {
	case s.Job.State.Terminal():
	case d.speaks: // its word may end round, term or job
	case d.expire():
	case s.Term != nil && s.Term.Holder == f.Node && !s.Term.Free():
		d.hold()
	default:
		d.contend()
	}
	if d.wake > 0 {
		d.actions = append(d.actions, Wake{At: d.wake})
	}
	return d.actions
}

// decision gathers the actions of one call.
type decision struct {
	s       *Snapshot
	f       *Facts
	actions []Action
	speaks  bool  // a word on the commit that stands is among them
	reveals bool  // what this node's chain has for the round is among them
	wake    int64 // earliest log time something waits for; 0 for none
}

func (d *decision) do(a Action) {
	for _, have := range d.actions {
		if have.Key() == a.Key() {
			return
		}
	}
	d.actions = append(d.actions, a)
}

// reached reports whether log time has come to at, and waits for it if not.
func (d *decision) reached(at int64) bool {
	if d.s.LogTime >= at {
		return true
	}
	if d.wake == 0 || at < d.wake {
		d.wake = at
	}
	return false
}

// contend takes the next term when it is free and the turn is this node's.
func (d *decision) contend() {
	if _, member := d.s.Group.Find(d.f.Node); !member || !d.mayCommit(d.f.Node) {
		return
	}
	next, turn := d.turn()
	if turn < 0 {
		return
	}
	at := d.s.Job.Created
	if t := d.s.Term; t != nil {
		at = t.TakeableAt(d.f.Node, &d.s.Job.Spec)
		if !t.Free() { // after a stop of the whole network its holder comes first
			at = max(at, d.f.Started+Stagger)
		}
		if t.GivenUp && t.Holder == d.f.Node {
			turn = len(d.s.Group.Nodes) // had its reasons: the others come first
		}
	}
	if d.reached(at + int64(turn)*Stagger) {
		d.do(submit(fl.MethodTakeTerm, &fl.TakeTerm{Job: d.s.ID, Term: next}, next))
	}
}

// mayCommit reports whether a node could commit the round at work: one that
// came into the group after the round had opened can't, nor one that withheld what
// its cohort was drawn by. They leave the term to those who can.
func (d *decision) mayCommit(node ledger.ID) bool {
	r := d.s.Round
	if r == nil || r.State == job.RoundFinal || r.State == job.RoundVoid {
		return true // the next round is for the group as it is then
	}
	if r.State == job.RoundDrawing {
		_, member := d.s.Attesters.Find(node)
		return member // it may reveal still
	}
	return d.s.attests(node)
}

// turn returns the next term and how many candidates for it come before this
// node, -1 where it is none. Nobody waits for those who leave the term to others.
func (d *decision) turn() (next uint64, turn int) {
	var barred []ledger.ID
	next = 1
	if t := d.s.Term; t != nil {
		next, barred = t.Term+1, t.Barred
	}
	candidates := slices.DeleteFunc(minus(Candidates(d.s.ID, next, &d.s.Group), barred), func(node ledger.ID) bool { return !d.mayCommit(node) })
	return next, slices.Index(candidates, d.f.Node)
}

// expire takes the term from a commit that no quorum attested in time, and
// reports whether it is due. Any node does, one after the other, in case the
// holder is what is wrong.
func (d *decision) expire() bool {
	r := d.s.Round
	if r == nil || r.State != job.RoundCommitted {
		return false
	}
	if _, member := d.s.Group.Find(d.f.Node); !member {
		return false
	}
	_, turn := d.turn()
	if turn < 0 {
		turn = len(d.s.Group.Nodes)
	}
	at := max(r.AttestDeadline(&d.s.Job.Spec), d.f.Started+1000*d.s.Job.Spec.AttestTimeoutS)
	if !d.reached(at + int64(turn)*Stagger) {
		return false
	}
	d.do(submit(fl.MethodExpireCommit, &fl.ExpireCommit{
		Job: d.s.ID, Round: d.s.Job.Round, Term: r.CommitTerm,
	}, d.s.Job.Round, r.CommitTerm))
	return true
}

// Candidates returns the nodes of a group in the order in which they may take
// a job's term: by SHA-256(job, term, node), so that jobs and terms spread over
// the nodes.
func Candidates(id ledger.Digest, term uint64, group *ledger.Group) []ledger.ID {
	places := map[ledger.ID]ledger.Digest{}
	nodes := make([]ledger.ID, 0, len(group.Nodes))
	for _, n := range group.Nodes {
		b := append(slices.Clone(id[:]), byte(term>>56), byte(term>>48), byte(term>>40), byte(term>>32),
			byte(term>>24), byte(term>>16), byte(term>>8), byte(term))
		places[n.Node] = ledger.Hash(append(b, n.Node[:]...))
		nodes = append(nodes, n.Node)
	}
	slices.SortFunc(nodes, func(a, b ledger.ID) int {
		x, y := places[a], places[b]
		return bytes.Compare(x[:], y[:])
	})
	return nodes
}

// prefetch gets updates as they come in, so that a round can be computed as
// soon as it closes.
func (d *decision) prefetch() {
	r := d.s.Round
	if r == nil || r.State != job.RoundOpen && r.State != job.RoundClosed || d.s.Job.State.Terminal() {
		return
	}
	if d.s.attests(d.f.Node) {
		d.fetch(d.s.Set())
	}
}

// fetch names the updates of peers that are not held here.
func (d *decision) fetch(peers []ledger.ID) {
	missing := minus(peers, d.f.Held)
	if len(missing) > 0 {
		d.do(Fetch{Round: d.s.Job.Round, Attempt: d.s.Round.Attempt, Peers: missing})
	}
}

// computed returns this node's computation of the snapshot's round without
// the given updates; it names the work where it is not done and can be.
func (d *decision) computed(without []ledger.ID) *Computation {
	number, attempt := d.s.Job.Round, d.s.Round.Attempt
	if c := d.f.Computed; c != nil && c.Round == number && c.Attempt == attempt && slices.Equal(c.Without, without) {
		return c
	}
	needed := minus(d.s.Set(), without)
	if len(minus(needed, d.f.Held)) > 0 {
		d.fetch(needed)
		return nil
	}
	d.do(Compute{Round: number, Attempt: attempt, Without: without})
	return nil
}

// minus returns the ids of all that are not in others, in the order of all.
func minus(all, others []ledger.ID) []ledger.ID {
	out := make(map[ledger.ID]bool, len(others))
	for _, id := range others {
		out[id] = true
	}
	var rest []ledger.ID
	for _, id := range all {
		if !out[id] {
			rest = append(rest, id)
		}
	}
	return rest
}

// ascending returns the ids in order, each once.
func ascending(ids []ledger.ID) []ledger.ID {
	return slices.Compact(slices.SortedFunc(slices.Values(ids), compare))
}

func compare(a, b ledger.ID) int { return bytes.Compare(a[:], b[:]) }
