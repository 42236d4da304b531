package contract

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// ExpireCommit is the arguments of the method of that name: no quorum came
// together within attest_timeout_s. Any node of the group may say so, since the
// holder may be what is wrong.
type ExpireCommit struct {
	Job   ledger.Digest `cbor:"job"`
	Round uint64        `cbor:"round"`
	Term  uint64        `cbor:"term"` // of the commit
}

func expireCommitFootprint(call contract.Call, a *ExpireCommit) (contract.Footprint, error) {
	return contract.Footprint{
		Reads: []contract.Key{
			members.MemberRow(call.Sender), governance.GroupRow, CommitRow(a.Job, a.Round, a.Term), DrawRow(a.Job, a.Round),
		},
		Writes: []contract.Key{JobRow(a.Job), TermRow(a.Job), RoundRow(a.Job, a.Round)},
	}, nil
}

func expireCommit(env *contract.Env, call contract.Call, a *ExpireCommit) error {
	if err := requireGroup(env, call.Sender); err != nil {
		return err
	}
	j, err := activeJob(env, a.Job)
	if err != nil {
		return err
	}
	r, err := roundIn(env, a.Job, a.Round, job.RoundCommitted)
	if err != nil {
		return err
	}
	if a.Term != r.CommitTerm {
		return contract.Errorf(CodeRoundState, "round %d is committed in term %d", a.Round, r.CommitTerm)
	}
	if at := r.AttestDeadline(&j.Spec); env.LogTime() < at {
		return contract.Errorf(contract.CodeTooEarly, "round %d may be attested until log time %d", a.Round, at)
	}
	c, ok, err := LoadCommit(env, a.Job, a.Round, a.Term)
	if err != nil || !ok {
		return missing(CommitRow(a.Job, a.Round, a.Term), err)
	}
	return loseTerm(env, a.Job, a.Round, j, r, c, LossTimeout)
}
