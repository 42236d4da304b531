package governance

import (
	"encoding/binary"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// Epoch is the row of an epoch but the first, whose group stands in the
// genesis.
type Epoch struct {
	_     struct{} `cbor:",toarray"`
	First uint64   // height of the first block that the group signs
	Group ledger.Group
}

// EpochRow returns the key of an epoch's row.
func EpochRow(number uint64) contract.Key {
	return contract.Key(binary.BigEndian.AppendUint64([]byte(Name+"/epoch/"), number))
}

// LoadEpoch reads the row of an epoch, or false where it has not begun or is
// the genesis's.
func LoadEpoch(state contract.State, number uint64) (*Epoch, bool, error) {
	return contract.LoadFrom[Epoch](state, EpochRow(number))
}
