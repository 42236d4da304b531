package sqlite_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
	"github.com/librum/librum/search/searchtest"
)

// BenchmarkApply writes what blocks of 1,000 transfers make: a transaction, an
// event and two accounts each. Accounts come again, so that old versions are
// replaced.
func BenchmarkApply(b *testing.B) {
	x := open(b, filepath.Join(b.TempDir(), "index.sqlite"), searchtest.Schema(b))
	const transfers = 1_000
	written := 0
	for height := uint64(1); b.Loop(); height++ {
		list := make([]document.Document, 0, 4*transfers)
		for i := range transfers {
			id := func(what string, n int) string { return ledger.Hash(fmt.Append(nil, what, n)).String() }
			from, to := id("account", i)[:32], id("account", (i+int(height))%transfers)[:32]
			common := document.Values{
				document.FieldTransaction: id("tx", int(height)*transfers+i), document.FieldSender: from, document.FieldOwner: from,
				document.FieldContract: "token", document.FieldMethod: "transfer", document.FieldCode: "ok", document.FieldTime: int64(1_700_000_000_000 + height*200),
			}
			with := func(more document.Values) document.Values {
				v := document.Values{}
				for _, part := range []document.Values{common, more} {
					maps.Copy(v, part)
				}
				return v
			}
			place := fmt.Sprintf("%d.%d", height, i)
			list = append(list,
				document.Document{Kind: document.KindTransaction, ID: place, Height: height, Fields: with(document.Values{"size": int64(250), document.FieldText: "token transfer ok"})},
				document.Document{Kind: document.KindEvent, ID: place + "/0", Height: height, Fields: with(document.Values{"amount": "1000000000000000000", "from": from, "to": to, document.FieldType: "token.transfer", document.FieldText: "token.transfer"})},
				document.Document{Kind: document.KindAccount, ID: from, Height: height, Fields: document.Values{"balance": "123456789000000000000000000", document.FieldOwner: from}},
				document.Document{Kind: document.KindAccount, ID: to, Height: height, Fields: document.Values{"balance": "123456789000000000000000000", document.FieldOwner: to}},
			)
		}
		if err := x.Apply(b.Context(), list, &query.Checkpoint{Height: height}); err != nil {
			b.Fatal(err)
		}
		written += len(list)
	}
	b.ReportMetric(float64(written)/b.Elapsed().Seconds(), "documents/s")
}
