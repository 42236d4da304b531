package contract

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// TakeTerm is the arguments of the method of that name.
type TakeTerm struct {
	Job  ledger.Digest `cbor:"job"`
	Term uint64        `cbor:"term"` // last+1; the first is 1
}

func takeTermFootprint(call contract.Call, a *TakeTerm) (contract.Footprint, error) {
	return contract.Footprint{
		Reads:  []contract.Key{members.MemberRow(call.Sender), governance.GroupRow, JobRow(a.Job)},
		Writes: []contract.Key{TermRow(a.Job)},
	}, nil
}

func takeTerm(env *contract.Env, call contract.Call, a *TakeTerm) error {
	if err := requireGroup(env, call.Sender); err != nil {
		return err
	}
	j, err := activeJob(env, a.Job)
	if err != nil {
		return err
	}
	last, ok, err := LoadTerm(env, a.Job)
	if err != nil {
		return err
	}
	if !ok {
		last = &Term{GivenUp: true}
	}
	if a.Term != last.Term+1 {
		return contract.Errorf(CodeStaleTerm, "the next term of job %s is %d", a.Job.Short(), last.Term+1)
	}
	if slices.Contains(last.Barred, call.Sender) {
		return contract.Errorf(CodeBarred, "node %s was outvoted and takes no further term of job %s", call.Sender, a.Job.Short())
	}
	if at := last.TakeableAt(call.Sender, &j.Spec); env.LogTime() < at {
		return contract.Errorf(contract.CodeTooEarly, "term %d is node %s's until log time %d", last.Term, last.Holder, at)
	}
	lapsed := last.Lapsed
	if !last.Free() {
		lapsed = including(lapsed, last.Holder)
	}
	now := env.LogTime()
	next := Term{
		Term: a.Term, Holder: call.Sender, Taken: now, Renewed: now, Stepped: now,
		Lapsed: lapsed, Barred: last.Barred,
	}
	if err := contract.Store(env, TermRow(a.Job), &next); err != nil {
		return err
	}
	return env.Emit(EventTermTaken, &TermChanged{Job: a.Job, Term: a.Term, Holder: call.Sender})
}

// including returns a list of ids with another one in its place, once.
func including(ids []ledger.ID, id ledger.ID) []ledger.ID {
	i, found := slices.BinarySearchFunc(ids, id, compareIDs)
	if found {
		return ids
	}
	return slices.Insert(slices.Clone(ids), i, id)
}

// requireGroup refuses senders that are not nodes of the current group.
func requireGroup(env *contract.Env, sender ledger.ID) error {
	if _, err := members.Require(env, sender, identity.RoleNode); err != nil {
		return err
	}
	group, err := governance.Group(env)
	if err != nil {
		return err
	}
	if _, ok := group.Find(sender); !ok {
		return contract.Errorf(CodeNotInGroup, "node %s is not in the group of epoch %d", sender, group.Epoch)
	}
	return nil
}
