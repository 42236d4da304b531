package document_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/search/document"
)

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	b, err := ledger.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A block with a transfer and a malformed transaction becomes these documents;
// an account without a row has nothing.
func TestBlock(t *testing.T) {
	t.Parallel()
	maker, err := document.NewMaker(document.Contracts())
	if err != nil {
		t.Fatal(err)
	}
	from, to := ledger.ID{1}, ledger.ID{2}
	sign := func(b []byte) [ledger.SignatureSize]byte { return [ledger.SignatureSize]byte{} }
	tx := ledger.Transaction{
		Version: ledger.Version, Sender: from, Contract: token.Name, Method: token.MethodTransfer, Expiry: 9,
		Args: encoded(t, map[string]any{"memo": "<b>Grüße</b>"}),
	}
	signed, err := tx.Sign(ledger.Hash([]byte("key")), sign)
	if err != nil {
		t.Fatal(err)
	}
	record := ledger.Record{Version: ledger.Version, Kind: ledger.RecordTransactions, Transactions: [][]byte{signed.Bytes(), []byte("rubbish")}}
	envelope, err := record.Sign(ledger.Hash([]byte("node")), sign)
	if err != nil {
		t.Fatal(err)
	}
	id := ledger.Hash([]byte("id"))
	block := ledger.Block{
		Header:  ledger.Header{Version: ledger.Version, Height: 3, LogTime: 77, Epoch: 1},
		Records: []ledger.BlockRecord{{Envelope: envelope.Bytes()}, {Skipped: make([]byte, 32)}},
		Results: []ledger.Result{
			{ID: id, Position: ledger.Position{Offset: 5}, Code: ledger.CodeOK, Events: []ledger.Event{{
				Type: token.EventTransfer, Data: encoded(t, &token.Transferred{From: from, To: to, Amount: ledger.NewAmount(7)}),
			}, {
				// Times that no back end takes, and the last that all do.
				Type: "odd", Data: encoded(t, map[string]any{
					"expiry": uint64(math.MaxInt64), "opened": int64(math.MinInt64), "closed": uint64(document.MaxTime - 1), "seed": uint64(math.MaxInt64),
				}),
			}}},
			{ID: ledger.Hash([]byte("rubbish")), Position: ledger.Position{Offset: 5, Index: 1}, Code: "malformed"},
		},
	}
	after := aplostest.Rows{token.BalanceRow(to): encoded(t, ledger.NewAmount(7))}
	got, err := maker.Block(&block, ledger.Hash([]byte("hash")), aplostest.Rows{}, after)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	byKey := map[string]document.Values{}
	for _, d := range got {
		keys, byKey[d.Key()] = append(keys, d.Key()), d.Fields
		for name, value := range d.Fields {
			if f, ok := maker.Schema().Field(name); !ok || !fits(f, value) {
				t.Errorf("%s: field %s holds %T", d.Key(), name, value)
			}
		}
	}
	want := []string{"event/5.0/0", "event/5.0/1", "transaction/5.0", "transaction/5.1", "block/3", "account/" + from.String(), "account/" + to.String()}
	if !reflect.DeepEqual(keys, want) {
		t.Fatalf("documents %v\nwant %v", keys, want)
	}
	for key, fields := range map[string]document.Values{
		"event/5.0/0":              {"amount": "7", "from": from.String(), "to": to.String(), "type": "token.transfer", "time": int64(77), "transaction": id.String(), "owner": from.String()},
		"transaction/5.0":          {"code": "ok", "text": "token transfer ok <b>Grüße</b>", "sender": from.String(), "num_events": int64(2)},
		"event/5.0/1":              {"expiry": nil, "opened": nil, "closed": int64(document.MaxTime - 1), "seed": int64(math.MaxInt64)},
		"transaction/5.1":          {"code": "malformed"},
		"block/3":                  {"num_transactions": int64(2), "num_skipped": int64(1), "public": true},
		"account/" + from.String(): {"balance": "0", "transaction": id.String()},
		"account/" + to.String():   {"balance": "7", "owner": to.String()},
	} {
		for name, value := range fields {
			if byKey[key][name] != value {
				t.Errorf("%s: %s is %v, want %v", key, name, byKey[key][name], value)
			}
		}
	}
	if _, owned := byKey["transaction/5.1"]["owner"]; owned {
		t.Error("a malformed transaction has an owner")
	}
}

var _ contract.Range = aplostest.Rows{}

func fits(f document.Field, value any) bool {
	switch value.(type) {
	case string:
		return !f.Many && (f.Type == document.Keyword || f.Type == document.Text || f.Type == document.Amount)
	case []string:
		return f.Many
	case int64:
		return f.Type == document.Integer || f.Type == document.Time
	case float64:
		return f.Type == document.Number
	case bool:
		return f.Type == document.Flag
	}
	return false
}

func FuzzWords(f *testing.F) {
	f.Add("Hello, \u202eWORLD a\u200db 日本")
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range document.Spans(text) {
			if s.Word == "" || len(s.Word) > document.MaxWordBytes || s.Start < 0 || s.End > len(text) || s.Start >= s.End || strings.ContainsAny(s.Word, " \"*") {
				t.Fatalf("%q: word %+v", text, s)
			}
		}
	})
}
