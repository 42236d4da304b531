package aplostest

import (
	"slices"
	"strings"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// Rows is a committed state in memory, the plain twin of a store.
type Rows map[contract.Key][]byte

// Latest returns the value of key.
func (r Rows) Latest(key []byte) (value []byte, ok bool, err error) { return r.Get(contract.Key(key)) }

// Get returns the value of key.
func (r Rows) Get(key contract.Key) (value []byte, ok bool, err error) {
	value, ok = r[key]
	return value, ok, nil
}

// Scan lists rows as [contract.Range] says.
func (r Rows) Scan(prefix, after contract.Key, limit int) ([]contract.Row, error) {
	var rows []contract.Row
	for k, v := range r {
		if k > after && strings.HasPrefix(string(k), string(prefix)) {
			rows = append(rows, contract.Row{Key: k, Value: v})
		}
	}
	slices.SortFunc(rows, func(a, b contract.Row) int { return strings.Compare(string(a.Key), string(b.Key)) })
	return rows[:min(limit, len(rows))], nil
}

// Apply makes the changes of a block.
func (r Rows) Apply(writes []ledger.Write) {
	for _, w := range writes {
		if w.Delete {
			delete(r, contract.Key(w.Key))
		} else {
			r[contract.Key(w.Key)] = w.Value
		}
	}
}

// Commitment computes the commitment to all rows from nothing.
func (r Rows) Commitment() *ledger.Commitment {
	var c ledger.Commitment
	for k, v := range r {
		c.Add([]byte(k), v)
	}
	return &c
}
