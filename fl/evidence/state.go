package evidence

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

// State is the rows that the transactions of a job wrote, as of the last block.
type State map[contract.Key][]byte

// newState has the one row of the genesis that a job's verification reads.
func newState(chain ledger.Digest, shard uint32) (State, error) {
	row, err := ledger.Encode(&fl.Chain{Chain: chain, Shard: shard})
	return State{fl.ChainRow: row}, err
}

// Get implements [contract.State].
func (s State) Get(key contract.Key) ([]byte, bool, error) {
	v, ok := s[key]
	return v, ok, nil
}

func (s State) apply(writes []ledger.Write) {
	for i := range writes {
		if w := &writes[i]; w.Delete {
			delete(s, contract.Key(w.Key))
		} else {
			s[contract.Key(w.Key)] = w.Value
		}
	}
}
