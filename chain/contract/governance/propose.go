package governance

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// The methods of proposals. All are for officers.
const (
	MethodPropose  = "propose"
	MethodApprove  = "approve"
	MethodWithdraw = "withdraw"
)

// The types of their events.
const (
	EventProposed  = "governance.proposed"
	EventApproved  = "governance.approved"
	EventPassed    = "governance.passed"
	EventWithdrawn = "governance.withdrawn"
	// EventWithdrawing is an organisation's word that what has passed shall be
	// withdrawn.
	EventWithdrawing = "governance.withdrawing"
)

// The codes of this contract.
const (
	CodeTooLate ledger.Code = "too_late" // the height or the expiry has passed
	CodeTooMany ledger.Code = "too_many" // more open proposals than allowed
)

// Propose is the arguments of the method propose. It counts as the approval of
// the sender's organisation.
type Propose struct {
	Action Action `cbor:"action"`
	Height uint64 `cbor:"height"` // the first block that the change is to hold for
	Expiry int64  `cbor:"expiry"` // log time in ms after which no approval counts
}

// Proposed is the data of its event.
type Proposed struct {
	Proposal     ledger.Digest `cbor:"proposal"`
	Organisation ledger.ID     `cbor:"organisation"`
	Officer      ledger.ID     `cbor:"officer"`
	Action       Action        `cbor:"action"`
	Height       uint64        `cbor:"height"`
	Expiry       int64         `cbor:"expiry"`
}

// Approve is the arguments of the methods approve and withdraw.
type Approve struct {
	Proposal ledger.Digest `cbor:"proposal"`
}

// Approved is the data of the events of an approval, of a withdrawal, and of an
// organisation's word for one.
type Approved struct {
	Proposal     ledger.Digest `cbor:"proposal"`
	Organisation ledger.ID     `cbor:"organisation"`
	Officer      ledger.ID     `cbor:"officer"`
}

// Passed is the data of the event that enough organisations have agreed.
type Passed struct {
	Proposal  ledger.Digest `cbor:"proposal"`
	Approvals uint64        `cbor:"approvals"` // of organisations that stand
	Standing  uint64        `cbor:"standing"`
	Height    uint64        `cbor:"height"`
}

func proposeFootprint(call contract.Call, a *Propose) (contract.Footprint, error) {
	change, err := a.Action.change()
	if err != nil {
		return contract.Footprint{}, err
	}
	f := contract.Footprint{
		Reads:  append(change.change.rows(), members.MemberRow(call.Sender), OrganisationsRow),
		Writes: []contract.Key{ProposalRow(call.ID), ProposalsRow},
	}
	if c := change.change.claim(); c != nil {
		f.Writes = append(f.Writes, members.ReservedRow(c.member))
	}
	return f, nil
}

func propose(env *contract.Env, call contract.Call, a *Propose) error {
	now := env.LogTime()
	officer, err := requireOfficer(env, call.Sender)
	switch {
	case err != nil:
		return err
	case a.Height <= call.Height:
		return contract.Errorf(CodeTooLate, "height: %d, block %d is being made; name a later one", a.Height, call.Height)
	case a.Height-call.Height > MaxProposalAhead:
		return contract.Errorf(contract.CodeBadArguments, "height: %d, want one at most %d ahead of %d", a.Height, MaxProposalAhead, call.Height)
	case a.Expiry <= now || a.Expiry-now > MaxProposalLife:
		return contract.Errorf(contract.CodeBadArguments, "expiry: %d, want a log time after %d, at most %d ms ahead", a.Expiry, now, MaxProposalLife)
	}
	change, err := a.Action.change()
	if err != nil {
		return err
	}
	if c := change.change.claim(); c != nil {
		if err := members.Proven(call, c.organisation, c.member, c.key, c.proof); err != nil {
			return err
		}
	}
	// What does not fit now will hardly fit then; it is tried again at its height.
	if _, err := try(change.change, env, now, a.Height); err != nil {
		return err
	}
	if c := change.change.claim(); c != nil {
		if err := members.Reserve(env, c.member, call.ID); err != nil {
			return err
		}
	}
	action, err := ledger.Encode(&a.Action)
	if err != nil {
		return err
	}
	list, err := liveProposals(env, now, call.Height)
	if err != nil {
		return err
	}
	open := 0
	for _, l := range list {
		if l.Organisation == officer.Organisation {
			open++
		}
	}
	if open >= MaxOpenProposals {
		return contract.Errorf(CodeTooMany, "organisation %s has %d open proposals; withdraw one", officer.Organisation, open)
	}
	p := Proposal{
		Organisation: officer.Organisation, Action: action, Height: a.Height, Created: now, Expiry: a.Expiry, State: StateOpen,
		Approvals: []Approval{{Organisation: officer.Organisation, Officer: call.Sender, Time: now}},
	}
	if err := env.Emit(EventProposed, &Proposed{
		Proposal: call.ID, Organisation: officer.Organisation, Officer: call.Sender, Action: a.Action, Height: a.Height, Expiry: a.Expiry,
	}); err != nil {
		return err
	}
	list = append(list, live{ID: call.ID, Organisation: officer.Organisation, Height: a.Height, Expiry: a.Expiry})
	return settle(env, call.ID, &p, list)
}

// requireOfficer returns the officer of an organisation that stands.
func requireOfficer(env *contract.Env, id ledger.ID) (*members.Member, error) {
	officer, err := members.Require(env, id, identity.RoleOfficer)
	if err != nil {
		return nil, err
	}
	return officer, RequireStanding(env, officer.Organisation)
}

func approveFootprint(call contract.Call, a *Approve) (contract.Footprint, error) {
	return contract.Footprint{
		Reads:  []contract.Key{members.MemberRow(call.Sender), OrganisationsRow},
		Writes: []contract.Key{ProposalRow(a.Proposal), ProposalsRow},
	}, nil
}

func approve(env *contract.Env, call contract.Call, a *Approve) error {
	officer, p, err := openProposal(env, call, a.Proposal)
	if err != nil {
		return err
	}
	approval := Approval{Organisation: officer.Organisation, Officer: call.Sender, Time: env.LogTime()}
	if has(p.Approvals, officer.Organisation) {
		return contract.Errorf(contract.CodeExists, "organisation %s has approved already", officer.Organisation)
	}
	p.Approvals = append(p.Approvals, approval)
	if err := env.Emit(EventApproved, &Approved{Proposal: a.Proposal, Organisation: officer.Organisation, Officer: call.Sender}); err != nil {
		return err
	}
	list, err := liveProposals(env, env.LogTime(), call.Height)
	if err != nil {
		return err
	}
	return settle(env, a.Proposal, p, list)
}

// withdraw ends an open proposal by the word of the organisation that made it,
// and one that has passed by the word of as many as pass one.
func withdraw(env *contract.Env, call contract.Call, a *Approve) error {
	officer, p, err := liveProposal(env, call, a.Proposal)
	if err != nil {
		return err
	}
	said := Approved{Proposal: a.Proposal, Organisation: officer.Organisation, Officer: call.Sender}
	if p.State == StatePassed {
		if has(p.Withdrawals, officer.Organisation) {
			return contract.Errorf(contract.CodeExists, "organisation %s wants it withdrawn already", officer.Organisation)
		}
		p.Withdrawals = append(p.Withdrawals, Approval{Organisation: officer.Organisation, Officer: call.Sender, Time: env.LogTime()})
		if err := env.Emit(EventWithdrawing, &said); err != nil {
			return err
		}
		standing, err := Organisations(env)
		if err != nil {
			return err
		}
		if count(p.Withdrawals, standing) < ledger.Quorum(len(standing)) {
			return contract.Store(env, ProposalRow(a.Proposal), p)
		}
	} else if officer.Organisation != p.Organisation {
		return contract.Errorf(contract.CodeNotPermitted, "organisation %s proposed it; others withdraw what has passed", p.Organisation)
	}
	p.State, p.Decided = StateWithdrawn, env.LogTime()
	list, err := liveProposals(env, env.LogTime(), call.Height)
	if err != nil {
		return err
	}
	if err := storeList(env, ProposalsRow, slices.DeleteFunc(list, func(l live) bool { return l.ID == a.Proposal })); err != nil {
		return err
	}
	if err := contract.Store(env, ProposalRow(a.Proposal), p); err != nil {
		return err
	}
	return env.Emit(EventWithdrawn, &said)
}

// openProposal returns the officer who acts and the proposal, which must be
// open.
func openProposal(env *contract.Env, call contract.Call, id ledger.Digest) (*members.Member, *Proposal, error) {
	officer, p, err := liveProposal(env, call, id)
	if err == nil && p.State != StateOpen {
		return nil, nil, contract.Errorf(contract.CodeConflict, "proposal %s is %s", id.Short(), p.State)
	}
	return officer, p, err
}

// liveProposal returns the officer who acts and the proposal, which must be open,
// or have passed and wait: its height must not have come, for a change can't hold
// for blocks that are made.
func liveProposal(env *contract.Env, call contract.Call, id ledger.Digest) (*members.Member, *Proposal, error) {
	officer, err := requireOfficer(env, call.Sender)
	if err != nil {
		return nil, nil, err
	}
	p, ok, err := LoadProposal(env, id)
	switch {
	case err != nil:
		return nil, nil, err
	case !ok:
		return nil, nil, contract.Errorf(contract.CodeNotFound, "no proposal %s", id)
	}
	switch state := p.StateAt(env.LogTime(), call.Height); state {
	case StateOpen, StatePassed:
		return officer, p, nil
	case StateExpired:
		return nil, nil, contract.Errorf(CodeTooLate, "proposal %s was for block %d and open until %d; block %d is being made at %d",
			id.Short(), p.Height, p.Expiry, call.Height, env.LogTime())
	default:
		return nil, nil, contract.Errorf(contract.CodeConflict, "proposal %s is %s", id.Short(), state)
	}
}

// settle counts the approvals of organisations that stand, passes the proposal
// where they are enough, and stores it.
func settle(env *contract.Env, id ledger.Digest, p *Proposal, list []live) error {
	standing, err := Organisations(env)
	if err != nil {
		return err
	}
	approvals := count(p.Approvals, standing)
	if approvals >= ledger.Quorum(len(standing)) {
		p.State, p.Decided = StatePassed, env.LogTime()
		for i := range list {
			list[i].Passed = list[i].Passed || list[i].ID == id
		}
		if err := env.Emit(EventPassed, &Passed{
			Proposal: id, Approvals: uint64(approvals), Standing: uint64(len(standing)), Height: p.Height,
		}); err != nil {
			return err
		}
	}
	if err := storeList(env, ProposalsRow, list); err != nil {
		return err
	}
	return contract.Store(env, ProposalRow(id), p)
}
