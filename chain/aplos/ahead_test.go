package aplos_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/ledger"
)

// distant is a base that answers once so many ask at the same time, if it has been
// told a number.
type distant struct {
	aplos.Base

	mu     sync.Mutex
	wanted int
	asked  int
	answer chan struct{}
	fail   error
}

func (d *distant) Latest(key []byte) ([]byte, bool, error) {
	d.mu.Lock()
	if d.fail != nil {
		defer d.mu.Unlock()
		return nil, false, d.fail
	}
	if d.wanted > 0 {
		answer := d.answer
		if d.asked++; d.asked == d.wanted {
			d.wanted = 0
			close(answer)
		}
		d.mu.Unlock()
		<-answer
	} else {
		d.mu.Unlock()
	}
	return d.Base.Latest(key)
}

// TestReadAhead executes a record over a base that answers only when many ask at
// once: execution itself waits for no row, and a row that can't be read stops it.
func TestReadAhead(t *testing.T) {
	t.Parallel()
	const pairs = 8
	c := aplostest.New(t, 1, 2*pairs+2, start, nil)
	e := newExecutor(t, c)
	e.config.ReadAhead = pairs
	base := &distant{Base: e.rows}
	executor, err := aplos.New(e.config, base, 0, e.sum)
	if err != nil {
		t.Fatal(err)
	}
	record := func(nonce uint64) []byte {
		r := ledger.Record{Kind: ledger.RecordTransactions, Time: start}
		for i := range pairs {
			r.Transactions = append(r.Transactions, c.Transfer(2*i, 2*i+1, 1, nonce+uint64(i), start+1000))
		}
		return c.Record(0, r)
	}
	before := executor.Reads()
	base.wanted, base.answer = pairs, make(chan struct{})
	done, err := executor.Execute(0, record(0))
	if err != nil {
		t.Fatal(err)
	}
	for i := range done.Results {
		if done.Results[i].Code != ledger.CodeOK {
			t.Errorf("transaction %d: %s, %s", i, done.Results[i].Code, done.Details[i])
		}
	}
	after := executor.Reads()
	if after.Missed != before.Missed || after.Ahead < 3*pairs {
		t.Errorf("%+v after %+v, want no row missed and %d at least read ahead", after, before, 3*pairs)
	}
	if _, err = executor.Execute(1, record(pairs)); err != nil {
		t.Fatal(err)
	}
	if again := executor.Reads(); again.Ahead != after.Ahead || again.Missed != after.Missed || again.Held == after.Held {
		t.Errorf("%+v after %+v, want all rows held", again, after)
	}
	base.fail = errors.New("the store is broken")
	unknown := ledger.Record{Kind: ledger.RecordTransactions, Time: start, Transactions: [][]byte{
		c.Transfer(0, 2*pairs+1, 1, 99, start+1000),
	}}
	if _, err := executor.Execute(2, c.Record(0, unknown)); !errors.Is(err, base.fail) {
		t.Errorf("a row that can't be read: %v", err)
	}
}
