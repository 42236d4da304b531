package round

import (
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

// hold does the duties of the term's holder: the round's next step, and where
// there is none a sign of life.
func (d *decision) hold() {
	t := d.s.Term
	if step, due := d.step(); due {
		d.do(step)
		return // extends the term as well
	}
	if d.reached(t.Renewed + RenewAfter) {
		d.do(submit(fl.MethodRenewTerm, &fl.RenewTerm{Job: d.s.ID, Term: t.Term}, t.Term, t.Renewed))
	}
}

// step returns the transaction that is due in the round's state.
func (d *decision) step() (Submit, bool) {
	if d.s.Round == nil {
		return d.open()
	}
	if !d.mayCommit(d.f.Node) {
		return d.giveUp(), true
	}
	switch d.s.Round.State {
	case job.RoundDrawing:
		return d.draw()
	case job.RoundOpen:
		return d.close()
	case job.RoundClosed:
		return d.commit()
	case job.RoundFinal:
		if d.s.Job.Complete() {
			return d.finish()
		}
		return d.open()
	case job.RoundVoid:
		return d.open()
	default: // committed: attesters have the word; failed: the job has ended
		return Submit{}, false
	}
}

// open opens the next round once enough peers are there, and the chains that its
// cohort is drawn by.
func (d *decision) open() (Submit, bool) {
	j := &d.s.Job
	roster := d.roster()
	enough, rooted := int64(len(roster)) >= j.Spec.MinAvailablePeers, fl.Rooted(&j.Spec, roster)
	if enough && rooted && d.chained() {
		model := File{Digest: j.Model, Size: j.ModelSize}
		if j.Finals == 0 { // derived this late, so that a job without peers costs no disk
			if d.f.Initial == nil {
				d.do(Derive{})
				return d.noModel() // if that fails, others may take the term at StuckAt
			}
			model = *d.f.Initial
		}
		return submit(fl.MethodOpenRound, &fl.OpenRound{
			Job: d.s.ID, Round: j.Finals + 1, Term: d.s.Term.Term, Roster: roster, Model: model.Digest, ModelSize: model.Size,
			State: d.s.Kept.Digest, StateSize: d.s.Kept.Size, StateTerm: d.s.KeptIn, Nodes: d.nodes(),
		}, j.Finals+1, d.s.Term.Term, j.Idle, names(roster)), true
	}
	if !d.reached(max(j.PeersDeadline(), d.f.Started+Grace)) {
		return Submit{}, false
	}
	switch {
	case !enough:
		return d.fail(job.ReasonNoPeers), true
	case !rooted:
		return d.fail(job.ReasonNoRoot), true
	default:
		return d.fail(job.ReasonNoChains), true
	}
}

// noModel ends a job once it has waited long enough for the initial model that
// its spec names.
func (d *decision) noModel() (Submit, bool) {
	j := &d.s.Job
	if j.Spec.InitialModel == "" || !d.reached(max(j.PeersDeadline(), d.f.Started+Grace)) {
		return Submit{}, false
	}
	return d.fail(job.ReasonNoModel), true
}

// close closes the round when it may be closed. Where that makes it void
// because peers were late, a node that has just come back waits for them.
func (d *decision) close() (Submit, bool) {
	j, r := &d.s.Job, d.s.Round
	at := r.ClosableAt(&j.Spec, d.s.Set())
	if (r.Submitted < uint64(j.Spec.MinTrainPeers) || !fl.Rooted(&j.Spec, d.s.Set())) && r.Submitted+r.Declined < r.Cohort {
		at = max(at, d.f.Started+Grace)
	}
	if !d.reached(at) {
		return Submit{}, false
	}
	return submit(fl.MethodCloseRound, &fl.CloseRound{
		Job: d.s.ID, Round: j.Round, Attempt: r.Attempt, Term: d.s.Term.Term, Set: d.s.Set(),
	}, j.Round, r.Attempt, d.s.Term.Term, r.Submitted), true
}

// commit names the result once it is computed.
func (d *decision) commit() (Submit, bool) {
	number, r := d.s.Job.Round, d.s.Round
	right, known := d.input()
	switch {
	case !known:
		return Submit{}, false
	case !right:
		return submit(fl.MethodCommitRound, &fl.CommitRound{
			Job: d.s.ID, Round: number, Attempt: r.Attempt, Term: d.s.Term.Term, Set: r.Set, Input: true,
		}, number, r.Attempt, d.s.Term.Term), true
	}
	var without []ledger.ID
	if missing := minus(d.s.Set(), d.f.Held); len(missing) > 0 && d.reached(max(r.Closed, d.f.Started)+FetchPatience) {
		without = missing
	}
	c := d.computed(without)
	if c == nil {
		return d.giveUp(), d.stuck(r.Closed)
	}
	return submit(fl.MethodCommitRound, &fl.CommitRound{
		Job: d.s.ID, Round: number, Attempt: r.Attempt, Term: d.s.Term.Term, Set: c.Set, Weights: c.Weights,
		Refused: c.Refused, Model: c.Model.Digest, ModelSize: c.Model.Size,
		State: c.State.Digest, StateSize: c.State.Size, Metrics: c.Metrics,
	}, number, r.Attempt, d.s.Term.Term), true
}

// stuck reports whether work that could begin at since takes so long that
// another node should try.
func (d *decision) stuck(since int64) bool {
	patience := max(StuckAfter, 1000*d.s.Job.Spec.RoundTimeoutS)
	return d.reached(max(since, d.s.Term.Taken, d.f.Started) + patience)
}

func (d *decision) giveUp() Submit {
	term := d.s.Term.Term
	return submit(fl.MethodGiveUpTerm, &fl.GiveUpTerm{Job: d.s.ID, Term: term}, term)
}

// finish ends the job with its model and card.
func (d *decision) finish() (Submit, bool) {
	if d.f.Card == nil {
		d.do(WriteCard{})
		return d.giveUp(), d.stuck(d.s.Round.Ended)
	}
	j := &d.s.Job
	return submit(fl.MethodCloseJob, &fl.CloseJob{
		Job: d.s.ID, Round: j.Round, Term: d.s.Term.Term, State: job.StateFinished,
		Model: j.Model, ModelSize: j.ModelSize, Card: d.f.Card.Digest, CardSize: d.f.Card.Size,
	}, d.s.Term.Term), true
}

func (d *decision) fail(reason job.Reason) Submit {
	return submit(fl.MethodCloseJob, &fl.CloseJob{
		Job: d.s.ID, Round: d.s.Job.Round, Term: d.s.Term.Term, State: job.StateFailed, Reason: reason,
	}, d.s.Term.Term, reason)
}
