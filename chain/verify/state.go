package verify

import (
	"slices"
	"strings"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// State is the rows that execution led to, held in memory.
type State struct{ rows map[contract.Key][]byte }

func newState() *State { return &State{rows: map[contract.Key][]byte{}} }

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
		if w.Delete {
			delete(s.rows, contract.Key(w.Key))
		} else {
			s.rows[contract.Key(w.Key)] = w.Value
		}
	}
}
