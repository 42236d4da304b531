package contract

import (
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
)

// GiveUpTerm is the arguments of the method of that name.
type GiveUpTerm struct {
	Job  ledger.Digest `cbor:"job"`
	Term uint64        `cbor:"term"`
}

func giveUpTermFootprint(call contract.Call, a *GiveUpTerm) (contract.Footprint, error) {
	return contract.Footprint{
		Reads:  []contract.Key{members.MemberRow(call.Sender), JobRow(a.Job)},
		Writes: []contract.Key{TermRow(a.Job)},
	}, nil
}

func giveUpTerm(env *contract.Env, call contract.Call, a *GiveUpTerm) error {
	if _, err := activeJob(env, a.Job); err != nil {
		return err
	}
	t, err := held(env, call, a.Job, a.Term)
	if err != nil {
		return err
	}
	t.GivenUp = true
	if err := contract.Store(env, TermRow(a.Job), t); err != nil {
		return err
	}
	return env.Emit(EventTermGivenUp, &TermChanged{Job: a.Job, Term: a.Term, Holder: call.Sender})
}
