package governance

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// maxFormer bounds how many former keys of a node are remembered. Each change of
// key takes a quorum of organisations, so that no node gets rid of one.
const maxFormer = 16

// former is a key that was a node's: for the heights from First on and below
// Before.
type former struct {
	_      struct{} `cbor:",toarray"`
	Key    ledger.PublicKey
	First  uint64
	Before uint64
}

// FormerRow returns the key of the row that lists the former keys of a node, the
// oldest first. It is absent while the node has its first one, and stays when the
// node leaves.
func FormerRow(node ledger.ID) contract.Key { return Name + "/former/" + contract.Key(node[:]) }

func loadFormer(state contract.State, node ledger.ID) ([]former, error) {
	list, ok, err := contract.LoadFrom[[]former](state, FormerRow(node))
	if err != nil || !ok {
		return nil, err
	}
	return *list, nil
}

// retire notes that a node's key is another's from the first height on.
func retire(env *contract.Env, node ledger.ID, key ledger.PublicKey, first uint64) error {
	list, err := loadFormer(env, node)
	if err != nil {
		return err
	}
	f := former{Key: key, Before: first}
	if len(list) > 0 {
		f.First = list[len(list)-1].Before
	}
	list = append(list, f)
	return contract.Store(env, FormerRow(node), slices.Clone(list[max(0, len(list)-maxFormer):]))
}

// keyAt returns the key in force at a height of a node that has the given one
// now.
func keyAt(state contract.State, node ledger.ID, now ledger.PublicKey, height uint64) (ledger.PublicKey, error) {
	list, err := loadFormer(state, node)
	if err != nil {
		return now, err
	}
	for _, f := range list {
		if height < f.First {
			return now, contract.Errorf(contract.CodeNotFound, "node %s's key at height %d is not remembered any more", node, height)
		}
		if height < f.Before {
			return f.Key, nil
		}
	}
	return now, nil
}
