package contract

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
)

// DeclineUpdate is the arguments of the method of that name.
type DeclineUpdate struct {
	Job     ledger.Digest `cbor:"job"`
	Round   uint64        `cbor:"round"`
	Attempt uint64        `cbor:"attempt"`
	Reason  Decline       `cbor:"reason"`
}

func declineUpdateFootprint(call contract.Call, a *DeclineUpdate) (contract.Footprint, error) {
	if !slices.Contains(Declines(), a.Reason) {
		return contract.Footprint{}, badArguments("reason", "want one of %v", Declines())
	}
	return contract.Footprint{
		Reads:  []contract.Key{members.MemberRow(call.Sender), JobRow(a.Job)},
		Writes: []contract.Key{RoundRow(a.Job, a.Round), UpdateRow(a.Job, a.Round, call.Sender)},
	}, nil
}

func declineUpdate(env *contract.Env, call contract.Call, a *DeclineUpdate) error {
	_, r, u, err := askedUpdate(env, call, a.Job, a.Round, a.Attempt)
	if err != nil {
		return err
	}
	u.State, u.Reason, u.Time = UpdateDeclined, a.Reason, env.LogTime()
	if err := contract.Store(env, UpdateRow(a.Job, a.Round, call.Sender), u); err != nil {
		return err
	}
	r.Declined++
	if err := contract.Store(env, RoundRow(a.Job, a.Round), r); err != nil {
		return err
	}
	return env.Emit(EventUpdateDeclined, &UpdateAnswered{
		Job: a.Job, Round: a.Round, Attempt: r.Attempt, Peer: call.Sender, Reason: a.Reason,
		Submitted: r.Submitted, Declined: r.Declined, Cohort: r.Cohort,
	})
}
