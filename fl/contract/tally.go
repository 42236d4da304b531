package contract

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// tally stores a committed round after a statement was counted, and ends it
// where a quorum agrees or can no longer be had (fl/contract(4)).
func tally(env *contract.Env, id ledger.Digest, number uint64, j *Job, r *Round, c *Commit) error {
	switch {
	case r.Agreed >= r.Quorum() && c.Model.IsZero():
		reason := job.ReasonVoidRounds
		if refusesRoot(&j.Spec, c.Refused) {
			reason = job.ReasonNoRoot
		}
		return voidRound(env, id, number, j, r, c.Metrics, reason)
	case r.Agreed >= r.Quorum():
		return finishRound(env, id, number, j, r, c)
	case r.Dissented > r.Nodes-r.Quorum():
		return loseTerm(env, id, number, j, r, c, LossOutvoted)
	case r.Dissented > 0 && r.Dissented+r.Withheld > r.Nodes-r.Quorum():
		return loseTerm(env, id, number, j, r, c, LossWithheld)
	}
	return contract.Store(env, RoundRow(id, number), r)
}

// refusesRoot reports whether the update of the peer that the strategy trusts,
// which was in the closed set, is among the refused.
func refusesRoot(spec *job.Spec, refused []Refused) bool {
	return spec.Strategy.Root != "" && slices.ContainsFunc(refused, func(r Refused) bool { return r.Peer.String() == spec.Strategy.Root })
}

func finishRound(env *contract.Env, id ledger.Digest, number uint64, j *Job, r *Round, c *Commit) error {
	r.State, r.Ended = job.RoundFinal, env.LogTime()
	if err := contract.Store(env, RoundRow(id, number), r); err != nil {
		return err
	}
	j.Finals, j.Voids, j.Idle = number, 0, env.LogTime()
	j.Model, j.ModelSize = c.Model, c.ModelSize
	j.Note(number, c.Metrics)
	if err := contract.Store(env, JobRow(id), j); err != nil {
		return err
	}
	return emitRoundEnded(env, EventRoundFinal, id, number, j, r, c.Metrics)
}
