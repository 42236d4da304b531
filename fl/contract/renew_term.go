package contract

import (
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
)

// RenewTerm is the arguments of the method of that name.
type RenewTerm struct {
	Job  ledger.Digest `cbor:"job"`
	Term uint64        `cbor:"term"`
}

func renewTermFootprint(call contract.Call, a *RenewTerm) (contract.Footprint, error) {
	return contract.Footprint{
		Reads:  []contract.Key{members.MemberRow(call.Sender), JobRow(a.Job)},
		Writes: []contract.Key{TermRow(a.Job)},
	}, nil
}

// renewTerm emits nothing: it comes every few seconds and changes nothing that
// a reader waits for.
func renewTerm(env *contract.Env, call contract.Call, a *RenewTerm) error {
	if _, err := activeJob(env, a.Job); err != nil {
		return err
	}
	t, err := newestTerm(env, call, a.Job, a.Term)
	if err != nil {
		return err
	}
	t.Renewed = env.LogTime()
	return contract.Store(env, TermRow(a.Job), t)
}
