package round

import (
	"slices"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

// attest does the duties of an attester: compute the closed set, compare with
// the commit, say so. A commit that became final or was lost without this
// node's word still gets it, so that the ledger shows who agreed.
func (d *decision) attest() {
	r := d.s.Round
	if r == nil || d.s.Job.State == job.StateFailed || d.s.Job.State == job.StateCancelled {
		return
	}
	if !d.s.attests(d.f.Node) {
		return
	}
	switch r.State {
	case job.RoundClosed:
		if len(minus(d.s.Set(), d.f.Held)) == 0 {
			d.computed(nil)
		}
	case job.RoundCommitted, job.RoundFinal:
		if !d.s.Commit.attested(d.f.Node) {
			d.judge(d.s.Commit)
			return // one at a time: only one computation is kept
		}
	default:
		return
	}
	for i := range d.s.Lost {
		if !d.s.Lost[i].attested(d.f.Node) {
			d.judge(&d.s.Lost[i])
			return
		}
	}
}

// judge states what this node came to, if it has.
func (d *decision) judge(c *Claim) {
	right, known := d.input()
	switch {
	case !known:
		return
	case right == c.Input:
		d.state(c, Computation{}, fl.DissentInput)
		return
	case c.Input: // nothing was averaged that could be compared
		d.state(c, Computation{Set: c.Set, Weights: c.Weights}, "")
		return
	}
	unavailable := calledUnavailable(c)
	if len(minus(unavailable, d.f.Held)) < len(unavailable) {
		d.state(c, Computation{}, fl.DissentAvailable)
		return
	}
	if untried := minus(unavailable, d.f.Missing); len(untried) > 0 {
		d.fetch(untried)
		return
	}
	if own := d.computed(unavailable); own != nil {
		d.state(c, *own, differs(c, own))
	}
}

// input reports whether the round began with the model that it must, once that
// is known. From the second round on the ledger sees to it.
func (d *decision) input() (right, known bool) {
	if d.s.Job.Round > 1 {
		return true, true
	}
	if d.f.Initial == nil {
		d.do(Derive{})
		return false, false
	}
	return *d.f.Initial == File{Digest: d.s.Round.Model, Size: d.s.Round.ModelSize}, true
}

func (d *decision) state(c *Claim, own Computation, dissent fl.Dissent) {
	number, attempt, term := d.s.Job.Round, d.s.Round.Attempt, c.Term
	d.speaks = d.speaks || c == d.s.Commit
	d.do(submit(fl.MethodAttestRound, &fl.AttestRound{
		Job: d.s.ID, Round: number, Attempt: attempt, Term: term,
		Set: own.Set, Weights: own.Weights, Model: own.Model.Digest, State: own.State.Digest, Dissent: dissent,
	}, number, attempt, term))
}

// differs says in what a commit differs from this node's own result, or
// nothing. Metrics are claims and not compared.
func differs(c *Claim, own *Computation) fl.Dissent {
	switch {
	case !slices.Equal(c.Refused, own.Refused):
		return fl.DissentRefused
	case c.Set != own.Set:
		return fl.DissentSet
	case c.Weights != own.Weights:
		return fl.DissentWeights
	case c.Model != own.Model.Digest || c.ModelSize != own.Model.Size:
		return fl.DissentModel
	case c.State != fl.State{Digest: own.State.Digest, Size: own.State.Size}:
		return fl.DissentState
	}
	return ""
}

func calledUnavailable(c *Claim) []ledger.ID {
	var peers []ledger.ID
	for _, r := range c.Refused {
		if r.Reason == aggregator.RefusedUnavailable {
			peers = append(peers, r.Peer)
		}
	}
	return peers
}
