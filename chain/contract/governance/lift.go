package governance

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// LiftedRow is the key of the row that says up to where nodes were forgiven. It
// is absent at first.
const LiftedRow contract.Key = Name + "/lifted"

// lifted says that evidence about heights below does not suspend the node again.
type lifted struct {
	_      struct{} `cbor:",toarray"`
	Node   ledger.ID
	Before uint64
}

// forgivenBefore returns the height below which evidence against a node is
// void, 0 where it never was suspended.
func forgivenBefore(state contract.State, node ledger.ID) (uint64, error) {
	list, err := loadLifted(state)
	for _, l := range list {
		if l.Node == node {
			return l.Before, err
		}
	}
	return 0, err
}

func loadLifted(state contract.State) ([]lifted, error) {
	list, ok, err := contract.LoadFrom[[]lifted](state, LiftedRow)
	if err != nil || !ok {
		return nil, err
	}
	return *list, nil
}

// LiftSuspension gives a suspended node its voice back, from the block of the
// named height on. What it signed before can't be held against it again.
type LiftSuspension struct {
	Node ledger.ID `cbor:"node"`
}

func (a *LiftSuspension) check() error { return nil }

func (a *LiftSuspension) claim() *claim { return nil }

func (a *LiftSuspension) rows() []contract.Key { return []contract.Key{SuspendedRow, LiftedRow} }

func (a *LiftSuspension) apply(env *contract.Env, first uint64) error {
	list, err := Suspensions(env)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(s Suspension) bool { return s.Node == a.Node })
	if i < 0 {
		return contract.Errorf(contract.CodeNotFound, "node %s is not suspended", a.Node)
	}
	if err := storeList(env, SuspendedRow, slices.Delete(list, i, i+1)); err != nil {
		return err
	}
	forgiven, err := loadLifted(env)
	if err != nil {
		return err
	}
	forgiven = slices.DeleteFunc(forgiven, func(l lifted) bool { return l.Node == a.Node })
	return storeList(env, LiftedRow, append(forgiven, lifted{Node: a.Node, Before: first}))
}

// forgetStrangers drops what is held against nodes that are not in the group any
// more, and returns who of the group is suspended.
func forgetStrangers(env *contract.Env, group *ledger.Group, suspended []Suspension) ([]Suspension, error) {
	kept := slices.DeleteFunc(slices.Clone(suspended), func(s Suspension) bool { return group.Index(s.Node) < 0 })
	if len(kept) != len(suspended) {
		if err := storeList(env, SuspendedRow, kept); err != nil {
			return nil, err
		}
	}
	forgiven, err := loadLifted(env)
	if err != nil {
		return nil, err
	}
	left := slices.DeleteFunc(slices.Clone(forgiven), func(l lifted) bool { return group.Index(l.Node) < 0 })
	if len(left) != len(forgiven) {
		return kept, storeList(env, LiftedRow, left)
	}
	return kept, nil
}

// storeList writes a list; an empty one is no row, as before the first entry.
func storeList[T any](env *contract.Env, row contract.Key, list []T) error {
	if len(list) == 0 {
		return env.Delete(row)
	}
	return contract.Store(env, row, list)
}
