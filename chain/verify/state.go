package verify

import (
	"slices"
	"strings"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// State is the rows that execution led to, held in memory. What was written
// since the newest final block can be taken back.
type State struct {
	rows map[contract.Key][]byte
	// before is what the rows were at that block which were written since.
	before map[contract.Key]before
}

type before struct {
	value []byte
	ok    bool
}

func newState() *State {
	return &State{rows: map[contract.Key][]byte{}, before: map[contract.Key]before{}}
}

// Get implements [contract.State].
func (s *State) Get(key contract.Key) ([]byte, bool, error) {
	v, ok := s.rows[key]
	return v, ok, nil
}

// Latest is Get for the executor.
func (s *State) Latest(key []byte) ([]byte, bool, error) { return s.Get(contract.Key(key)) }

// Scan implements [contract.Range].
func (s *State) Scan(prefix, after contract.Key, limit int) ([]contract.Row, error) {
	var rows []contract.Row
	for k, v := range s.rows {
		if k > after && strings.HasPrefix(string(k), string(prefix)) {
			rows = append(rows, contract.Row{Key: k, Value: v})
		}
	}
	slices.SortFunc(rows, func(a, b contract.Row) int { return strings.Compare(string(a.Key), string(b.Key)) })
	return rows[:min(limit, len(rows))], nil
}

func (s *State) apply(writes []ledger.Write) {
	for _, w := range writes {
		key := contract.Key(w.Key)
		old, ok := s.rows[key]
		if _, noted := s.before[key]; !noted {
			s.before[key] = before{value: old, ok: ok}
		}
		if w.Delete {
			delete(s.rows, key)
		} else {
			s.rows[key] = w.Value
		}
	}
}

// settle makes all that was written so far final. The map is made anew: to
// clear one that the genesis filled would cost each block its size.
func (s *State) settle() { s.before = map[contract.Key]before{} }

// rollback takes back what was written since the last settle.
func (s *State) rollback() {
	for key, b := range s.before {
		if b.ok {
			s.rows[key] = b.value
		} else {
			delete(s.rows, key)
		}
	}
	s.settle()
}
