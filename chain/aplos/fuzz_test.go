package aplos_test

import (
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// FuzzExecute puts any bytes on the log, as a record and as a transaction of a
// good record. Neither may stop a node, and rubbish changes nothing.
func FuzzExecute(f *testing.F) {
	c := aplostest.New(f, 1, 2, start, nil)
	good := c.Transfer(0, 1, 1, 1, start+1000)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte{})
	f.Add(c.Record(0, ledger.Record{Kind: ledger.RecordTransactions, Time: start, Transactions: [][]byte{good}}))
	f.Add(c.Record(0, ledger.Record{Kind: ledger.RecordMarker, Time: start, Height: 1}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > ledger.MaxTransactionBytes {
			return
		}
		c := *c
		c.TB = t // the outer one is not for use in here
		e := newExecutor(t, &c)
		record := c.Record(0, ledger.Record{Kind: ledger.RecordTransactions, Time: start, Transactions: [][]byte{raw}})
		for offset, b := range [][]byte{raw, record} {
			executed, err := e.Execute(uint64(offset), b)
			if err != nil {
				t.Fatalf("record %d: %v", offset, err)
			}
			for _, r := range executed.Results {
				if r.Code == contract.CodeMalformed && (!r.Writes.IsZero() || len(r.Events) != 0) {
					t.Errorf("a malformed transaction left %+v", r)
				}
			}
		}
		sealed, err := e.Seal()
		if err != nil {
			t.Fatal(err)
		}
		e.pending = append(e.pending, sealed)
		e.apply(0)
		if e.rows.Commitment().Digest() != sealed.State {
			t.Error("the commitment is not that of all rows")
		}
	})
}
