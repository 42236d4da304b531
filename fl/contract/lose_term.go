package contract

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// loseTerm passes the term of a commit on: the round is closed again over the
// same set, and the next holder commits. Round and job fail where too many
// terms were lost or nobody is left to take one.
func loseTerm(env *contract.Env, id ledger.Digest, number uint64, j *Job, r *Round, c *Commit, loss Loss) error {
	t, err := vacate(env, id, c, loss)
	if err != nil {
		return err
	}
	r.Lost = append(r.Lost, LostTerm{
		Term: c.Term, Attempt: r.Attempt, Node: c.Node, Loss: loss, Time: env.LogTime(), Agreed: r.Agreed, Dissented: r.Dissented,
	})
	err = env.Emit(EventTermLost, &TermLost{
		Job: id, Round: number, Attempt: r.Attempt, Term: c.Term, Node: c.Node, Loss: loss, Model: c.Model,
		Agreed: r.Agreed, Dissented: r.Dissented, Nodes: r.Nodes, Lost: uint64(len(r.Lost)),
	})
	if err != nil {
		return err
	}
	r.State, r.Committed, r.CommitTerm, r.Agreed, r.Dissented = job.RoundClosed, 0, 0, 0, 0
	if int64(len(r.Lost)) >= j.Spec.MaxTerms {
		return failRound(env, id, number, j, r, job.ReasonMaxTerms)
	}
	left, err := mayCommit(env, id, number, t.Barred)
	if err != nil {
		return err
	}
	if !left {
		return failRound(env, id, number, j, r, job.ReasonOutvoted)
	}
	return contract.Store(env, RoundRow(id, number), r)
}

// mayCommit reports whether a node is left that could commit the round: one of
// the group that is not barred and, where a cohort was drawn, had its part in that:
// one that withheld may not attest, nor one that joined after the round had opened.
func mayCommit(env *contract.Env, id ledger.Digest, number uint64, barred []ledger.ID) (bool, error) {
	group, err := governance.Group(env)
	if err != nil {
		return false, err
	}
	draw, drawn, err := LoadDraw(env, id, number)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(group.Nodes, func(n ledger.GroupNode) bool {
		if drawn {
			if l := draw.Link(n.Node); l == nil || l.Revealed == 0 {
				return false
			}
		}
		return !slices.Contains(barred, n.Node)
	}), nil
}

// vacate ends the term of a commit that is lost. A newer term, taken while the
// commit stood, goes on unless the same node holds it and is barred.
func vacate(env *contract.Env, id ledger.Digest, c *Commit, loss Loss) (*Term, error) {
	t, ok, err := LoadTerm(env, id)
	if err != nil || !ok {
		return nil, missing(TermRow(id), err)
	}
	if loss == LossOutvoted {
		t.Barred = including(t.Barred, c.Node)
	} else {
		t.Lapsed = including(t.Lapsed, c.Node)
	}
	if t.Term == c.Term || slices.Contains(t.Barred, t.Holder) {
		t.Lost, t.Renewed = true, env.LogTime()
	}
	return t, contract.Store(env, TermRow(id), t)
}

func failRound(env *contract.Env, id ledger.Digest, number uint64, j *Job, r *Round, reason job.Reason) error {
	r.State, r.Ended = job.RoundFailed, env.LogTime()
	if err := contract.Store(env, RoundRow(id, number), r); err != nil {
		return err
	}
	if err := emitRoundEnded(env, EventRoundFailed, id, number, j, r, nil); err != nil {
		return err
	}
	return endJob(env, id, j, job.StateFailed, reason)
}
