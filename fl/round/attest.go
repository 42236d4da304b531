package round

import (
	"slices"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

// attest does the duties of an attester: compute the closed set, compare with
// the commit, say so. A round that is final without this node's word still
// gets it, so that the ledger shows who agreed.
func (d *decision) attest() {
	r := d.s.Round
	if r == nil || d.s.Job.State == job.StateFailed || d.s.Job.State == job.StateCancelled {
		return
	}
	if _, attests := d.s.Attesters.Find(d.f.Node); !attests {
		return
	}
	switch r.State {
	case job.RoundClosed:
		if len(minus(d.s.Set(), d.f.Held)) == 0 {
			d.computed(nil)
		}
	case job.RoundCommitted, job.RoundFinal:
		if !d.s.attested(d.f.Node) {
			d.judge()
		}
	default:
	}
}

// judge states what this node came to, if it has.
func (d *decision) judge() {
	c := d.s.Commit
	if d.s.Job.Round == 1 {
		if d.f.Initial == nil {
			d.do(Derive{})
			return
		}
		if *d.f.Initial != (File{Digest: d.s.Round.Model, Size: d.s.Round.ModelSize}) {
			d.state(Computation{}, fl.DissentInput)
			return
		}
	}
	unavailable := calledUnavailable(c)
	if len(minus(unavailable, d.f.Held)) < len(unavailable) {
		d.state(Computation{}, fl.DissentAvailable)
		return
	}
	if untried := minus(unavailable, d.f.Missing); len(untried) > 0 {
		d.fetch(untried)
		return
	}
	if own := d.computed(unavailable); own != nil {
		d.state(*own, differs(c, own))
	}
}

func (d *decision) state(own Computation, dissent fl.Dissent) {
	number, attempt, term := d.s.Job.Round, d.s.Round.Attempt, d.s.Commit.Term
	d.speaks = true
	d.do(submit(fl.MethodAttestRound, &fl.AttestRound{
		Job: d.s.ID, Round: number, Attempt: attempt, Term: term,
		Set: own.Set, Weights: own.Weights, Model: own.Model.Digest, Dissent: dissent,
	}, number, attempt, term))
}

// differs says in what a commit differs from this node's own result, or
// nothing. Metrics are claims and not compared.
func differs(c *fl.Commit, own *Computation) fl.Dissent {
	switch {
	case !slices.Equal(c.Refused, own.Refused):
		return fl.DissentRefused
	case c.Set != own.Set:
		return fl.DissentSet
	case c.Weights != own.Weights:
		return fl.DissentWeights
	case c.Model != own.Model.Digest || c.ModelSize != own.Model.Size:
		return fl.DissentModel
	}
	return ""
}

func calledUnavailable(c *fl.Commit) []ledger.ID {
	var peers []ledger.ID
	for _, r := range c.Refused {
		if r.Reason == aggregator.RefusedUnavailable {
			peers = append(peers, r.Peer)
		}
	}
	return peers
}
