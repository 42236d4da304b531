package governance

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// seal makes the changes that hold from the block after the given height on, in
// the order in which they were proposed. Each is tried on what the one before
// left; one that does not fit any more fails without effect. Whatever they make
// of the group is one new epoch.
func seal(env *contract.Env, height uint64) error {
	list, ok, err := contract.LoadFrom[[]live](env, ProposalsRow)
	if err != nil || !ok {
		return err
	}
	due := func(l live) bool { return l.Passed && l.Height <= height+1 }
	if !slices.ContainsFunc(*list, due) {
		return nil
	}
	before, err := Group(env)
	if err != nil {
		return err
	}
	suspended, err := Suspensions(env)
	if err != nil {
		return err
	}
	ends := len(before.Nodes)-len(suspended) >= before.Quorum()
	for i := range *list {
		if l := (*list)[i]; due(l) {
			if err := activate(env, *list, l.ID, height+1, ends); err != nil {
				return fmt.Errorf("activate proposal %s: %w", l.ID, err)
			}
		}
	}
	// One that lost its quorum here is over as well, once its height has come.
	if err := storeList(env, ProposalsRow, slices.DeleteFunc(*list, func(l live) bool { return l.Height <= height+1 })); err != nil {
		return err
	}
	return beginEpoch(env, before, height+1)
}

// activate makes a change, of the group only where its epoch can end: its last
// block needs its own quorum, and who was suspended while that block was made is
// no part of it, even if the same seal lifts that.
func activate(env *contract.Env, list []live, id ledger.Digest, first uint64, ends bool) error {
	p, ok, err := LoadProposal(env, id)
	if err == nil && !ok {
		err = errors.New("its row is missing")
	}
	if err != nil {
		return err
	}
	var a Action
	if err := ledger.Decode("action", p.Action, MaxActionBytes, &a); err != nil {
		return err
	}
	change, err := a.change()
	if err != nil {
		return err
	}
	writes, err := try(change.change, env, env.LogTime(), first)
	if err == nil && !ends {
		err = sameGroup(env, writes)
	}
	p.State, p.Decided = StateActive, env.LogTime()
	if refused, is := errors.AsType[*contract.Error](err); is {
		p.State, p.Failure = StateFailed, refused.Code
	} else if err != nil {
		return err
	} else if err := put(env, writes); err != nil {
		return err
	}
	if err := contract.Store(env, ProposalRow(id), p); err != nil || p.State != StateActive {
		return err
	}
	switch {
	case a.ReplaceOfficer != nil:
		return void(env, list, first, func(v Approval) bool { return v.Officer == a.ReplaceOfficer.Old })
	case a.RemoveOrganisation != nil:
		return void(env, list, first, func(v Approval) bool { return v.Organisation == a.RemoveOrganisation.Organisation })
	}
	return nil
}

// void takes words of those who have no say any more out of the proposals of the
// list. One that had passed by them is open again, for as long as it would have
// been: whoever comes in the place of a lost or stolen key decides anew. One that
// takes no words any more, since its height or its time is over, stays as it is:
// the list may hold it still, or not.
func void(env *contract.Env, list []live, first uint64, gone func(Approval) bool) error {
	standing, err := Organisations(env)
	if err != nil {
		return err
	}
	for i := range list {
		p, ok, err := LoadProposal(env, list[i].ID)
		if err == nil && !ok {
			err = errors.New("its row is missing")
		}
		if err != nil {
			return fmt.Errorf("read proposal %s: %w", list[i].ID, err)
		}
		over := p.Height < first || p.State == StateOpen && env.LogTime() > p.Expiry
		if over || p.State != StateOpen && p.State != StatePassed {
			continue
		}
		changed := false
		for _, words := range [][]Approval{p.Approvals, p.Withdrawals} {
			for j := range words {
				if !words[j].Void && gone(words[j]) {
					words[j].Void, changed = true, true
				}
			}
		}
		if !changed {
			continue
		}
		if p.State == StatePassed && count(p.Approvals, standing) < ledger.Quorum(len(standing)) {
			p.State, p.Decided, list[i].Passed = StateOpen, 0, false
			p.Withdrawals = nil // they were about what had passed
		}
		if err := contract.Store(env, ProposalRow(list[i].ID), p); err != nil {
			return err
		}
	}
	return nil
}

// sameGroup refuses writes that change the group.
func sameGroup(env *contract.Env, writes []ledger.Write) error {
	group, _, err := env.Get(GroupRow)
	for _, w := range writes {
		if err == nil && string(w.Key) == string(GroupRow) && !bytes.Equal(w.Value, group) {
			err = contract.Errorf(contract.CodeConflict, "too many nodes are suspended for this group to sign its last block; lift that first, at a height before")
		}
	}
	return err
}

func put(env *contract.Env, writes []ledger.Write) error {
	for _, w := range writes {
		err := env.Set(contract.Key(w.Key), w.Value)
		if w.Delete {
			err = env.Delete(contract.Key(w.Key))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// beginEpoch gives a group that has changed the next number and a row.
func beginEpoch(env *contract.Env, before *ledger.Group, first uint64) error {
	group, err := Group(env)
	if err != nil || slices.Equal(group.Nodes, before.Nodes) {
		return err
	}
	group.Epoch = before.Epoch + 1
	if err := contract.Store(env, GroupRow, group); err != nil {
		return err
	}
	return contract.Store(env, EpochRow(group.Epoch), &Epoch{First: first, Group: *group})
}
