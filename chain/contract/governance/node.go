package governance

import (
	"bytes"
	"slices"

	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// changeGroup changes the nodes of the group, ids ascending. It refuses what
// could not sign: a group without nodes, too large a one, or one whose suspended
// nodes leave fewer than a quorum. The epoch stays: all that changes between two
// blocks is one new epoch.
func changeGroup(env *contract.Env, change func([]ledger.GroupNode) ([]ledger.GroupNode, error)) error {
	group, err := Group(env)
	if err != nil {
		return err
	}
	if group.Nodes, err = change(group.Nodes); err != nil {
		return err
	}
	suspended, err := Suspensions(env)
	if err != nil {
		return err
	}
	kept, err := forgetStrangers(env, group, suspended)
	if err != nil {
		return err
	}
	n := len(group.Nodes)
	switch {
	case n == 0:
		return contract.Errorf(contract.CodeConflict, "no node would be left")
	case n > ledger.MaxGroupNodes:
		return contract.Errorf(contract.CodeConflict, "%d nodes, at most %d fit", n, ledger.MaxGroupNodes)
	case n-len(kept) < group.Quorum():
		return contract.Errorf(contract.CodeConflict, "of %d nodes %d would be suspended: the others are no quorum of %d", n, len(kept), group.Quorum())
	}
	return contract.Store(env, GroupRow, group)
}

// find returns the place of a node of the group.
func find(nodes []ledger.GroupNode, id ledger.ID) (int, error) {
	i := slices.IndexFunc(nodes, func(n ledger.GroupNode) bool { return n.Node == id })
	if i < 0 {
		return i, contract.Errorf(contract.CodeNotFound, "node %s is not in the group", id)
	}
	return i, nil
}

// AddNode takes a node into the group.
type AddNode struct {
	Node         ledger.ID        `cbor:"node"` // new
	Organisation ledger.ID        `cbor:"organisation"`
	Key          ledger.PublicKey `cbor:"key"`
	Proof        members.Proof    `cbor:"proof"` // of its possession
}

func (a *AddNode) check() error { return nil }

func (a *AddNode) claim() *claim { return &claim{a.Organisation, a.Node, a.Key, a.Proof} }

func (a *AddNode) rows() []contract.Key {
	return append(members.Governed([]ledger.ID{a.Node}, a.Key), OrganisationsRow, GroupRow, SuspendedRow, LiftedRow)
}

func (a *AddNode) apply(env *contract.Env, _ uint64) error {
	if err := RequireStanding(env, a.Organisation); err != nil {
		return err
	}
	if err := members.Admit(env, a.Node, a.Organisation, identity.RoleNode, a.Key); err != nil {
		return err
	}
	return changeGroup(env, func(nodes []ledger.GroupNode) ([]ledger.GroupNode, error) {
		at, _ := slices.BinarySearchFunc(nodes, a.Node, func(n ledger.GroupNode, id ledger.ID) int { return bytes.Compare(n.Node[:], id[:]) })
		return slices.Insert(nodes, at, ledger.GroupNode{Node: a.Node, Organisation: a.Organisation, Key: a.Key}), nil
	})
}

// RemoveNode takes a node out of the group for ever.
type RemoveNode struct {
	Node ledger.ID `cbor:"node"`
}

func (a *RemoveNode) check() error { return nil }

func (a *RemoveNode) claim() *claim { return nil }

func (a *RemoveNode) rows() []contract.Key {
	return append(members.Governed([]ledger.ID{a.Node}), GroupRow, SuspendedRow, LiftedRow)
}

func (a *RemoveNode) apply(env *contract.Env, _ uint64) error {
	return changeGroup(env, func(nodes []ledger.GroupNode) ([]ledger.GroupNode, error) {
		i, err := find(nodes, a.Node)
		if err != nil {
			return nil, err
		}
		if err := members.Dismiss(env, a.Node, nodes[i].Organisation, identity.RoleNode); err != nil {
			return nil, err
		}
		return slices.Delete(nodes, i, i+1), nil
	})
}

// RotateNodeKey gives a node of the group another key, for headers, records and
// transactions from one height on.
type RotateNodeKey struct {
	Node         ledger.ID        `cbor:"node"`
	Organisation ledger.ID        `cbor:"organisation"` // the node's
	Key          ledger.PublicKey `cbor:"key"`
	Proof        members.Proof    `cbor:"proof"` // of its possession
}

func (a *RotateNodeKey) check() error { return nil }

func (a *RotateNodeKey) claim() *claim { return &claim{a.Organisation, a.Node, a.Key, a.Proof} }

func (a *RotateNodeKey) rows() []contract.Key {
	return append(members.Governed([]ledger.ID{a.Node}, a.Key), GroupRow, SuspendedRow, LiftedRow, FormerRow(a.Node))
}

func (a *RotateNodeKey) apply(env *contract.Env, first uint64) error {
	return changeGroup(env, func(nodes []ledger.GroupNode) ([]ledger.GroupNode, error) {
		i, err := find(nodes, a.Node)
		if err != nil {
			return nil, err
		}
		if err := retire(env, a.Node, nodes[i].Key, first); err != nil {
			return nil, err
		}
		nodes[i].Key = a.Key
		return nodes, members.Rekey(env, a.Node, a.Organisation, identity.RoleNode, a.Key)
	})
}
