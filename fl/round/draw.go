package round

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/cohort"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

// chainReserve is how many values a chain has left when its node commits to
// another: as many rounds may open meanwhile.
const chainReserve = cohort.Length / 16

// chain commits to a hash chain where the job draws its cohorts and this node has
// none that lasts.
func (d *decision) chain() {
	at := slices.IndexFunc(d.s.Chains, func(c Chain) bool { return c.Node == d.f.Node })
	if at < 0 || d.f.Chain.Next.IsZero() {
		return
	}
	have := d.s.Chains[at]
	if have.Number > 0 && d.f.Chain.Known && have.Next+chainReserve <= cohort.Length {
		return
	}
	number := have.Number + 1
	d.do(submit(fl.MethodCommitChain, &fl.CommitChain{Number: number, Anchor: d.f.Chain.Next}, number))
}

// chained reports whether as many nodes have a chain as a draw needs.
func (d *decision) chained() bool {
	if !d.s.Job.Spec.Draws() {
		return true
	}
	usable := 0
	for i := range d.s.Chains {
		if c := &d.s.Chains[i]; c.Number > 0 && c.Usable() {
			usable++
		}
	}
	return usable >= d.s.Group.Quorum()
}

// nodes returns the group's nodes where they draw the cohort, ascending.
func (d *decision) nodes() []ledger.ID {
	if !d.s.Job.Spec.Draws() {
		return nil
	}
	nodes := make([]ledger.ID, len(d.s.Group.Nodes))
	for i, n := range d.s.Group.Nodes {
		nodes[i] = n.Node
	}
	return nodes
}

// reveal reveals this node's value while it counts.
func (d *decision) reveal() {
	r := d.s.Round
	if r == nil || r.State != job.RoundDrawing || d.s.Job.State.Terminal() || d.f.Chain.Reveal == nil {
		return
	}
	l := d.s.Draw.Link(d.f.Node)
	if l == nil || l.Chain == 0 || l.Revealed != 0 {
		return
	}
	if at, fixed := d.s.Draw.Deadline(); fixed && d.s.LogTime >= at {
		return
	}
	d.reveals = true
	d.do(submit(fl.MethodReveal, &fl.RevealPreimage{
		Job: d.s.ID, Round: d.s.Job.Round, Attempt: r.Attempt, Value: *d.f.Chain.Reveal,
	}, d.s.Job.Round, r.Attempt))
}

// draw draws the cohort once all nodes have revealed or those who have are
// enough and the others had their time. Without enough of them the round is given
// up when its time is out.
func (d *decision) draw() (Submit, bool) {
	j, r, draw := &d.s.Job, d.s.Round, d.s.Draw
	at, quorate := draw.Deadline()
	switch {
	case len(draw.Withheld()) == 0:
	case quorate && d.reached(at):
	case quorate, d.reveals: // its own value may be the one that was missing
		return Submit{}, false
	case d.reached(max(r.Deadline(&j.Spec), d.f.Started+Grace)):
		return submit(fl.MethodCloseRound, &fl.CloseRound{
			Job: d.s.ID, Round: j.Round, Attempt: r.Attempt, Term: d.s.Term.Term,
		}, j.Round, r.Attempt, d.s.Term.Term), true
	default:
		return Submit{}, false
	}
	peers, err := draw.Cohort(d.s.ID, j.Round, &j.Spec, d.s.Drawn)
	if err != nil { // ids and digests can be encoded
		return Submit{}, false
	}
	return submit(fl.MethodDrawCohort, &fl.DrawCohort{
		Job: d.s.ID, Round: j.Round, Attempt: r.Attempt, Term: d.s.Term.Term, Cohort: peers,
	}, j.Round, r.Attempt, d.s.Term.Term), true
}

// roster returns the peers that are there, ascending. Of more than fit a
// transaction it takes those of the smallest SHA-256(job, round, peer), so that no
// id is favoured in every round but that of the peer which the strategy trusts.
func (d *decision) roster() []ledger.ID {
	roster := ascending(d.f.Online)
	if len(roster) <= fl.MaxCohort {
		return roster
	}
	places := make(map[ledger.ID]ledger.Digest, len(roster))
	for _, peer := range roster {
		b := binary.BigEndian.AppendUint64(slices.Clone(d.s.ID[:]), d.s.Job.Finals+1)
		if peer.String() != d.s.Job.Spec.Strategy.Root { // which comes first
			places[peer] = ledger.Hash(append(b, peer[:]...))
		}
	}
	slices.SortFunc(roster, func(a, b ledger.ID) int {
		x, y := places[a], places[b]
		return bytes.Compare(x[:], y[:])
	})
	return ascending(roster[:fl.MaxCohort])
}
