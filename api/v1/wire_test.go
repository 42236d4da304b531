package v1_test

import (
	"encoding/json"
	"testing"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

// What stands on the wire is text that no reader of JSON spoils.
func TestWireForms(t *testing.T) {
	t.Parallel()
	large, err := ledger.ParseAmount("35000000000000000000000000000")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		value any
		want  string
	}{
		{v1.Account{ID: ledger.ID{0xab}, Balance: large, Symbol: "LCNC", Decimals: 18}, `{"id":"ab000000000000000000000000000000","balance":"35000000000000000000000000000","symbol":"LCNC","decimals":18}`},
		{v1.File{Digest: ledger.Digest{1}, Size: 2}, `{"digest":"0100000000000000000000000000000000000000000000000000000000000000","size":2}`},
		{v1.Transaction{ID: ledger.Digest{1}, Code: "malformed"}, `{"id":"0100000000000000000000000000000000000000000000000000000000000000","executed":false,"code":"malformed","final":false}`},
		{v1.Event{Type: "round.final", Position: "1.2", Data: json.RawMessage(`{"round":1}`)}, `{"type":"round.final","position":"1.2","n":0,"data":{"round":1}}`},
		{v1.Upload{Receipts: [][]byte{{1, 2}}}, `{"id":"00000000000000000000000000000000","job":"0000000000000000000000000000000000000000000000000000000000000000","round":0,"peer":"00000000000000000000000000000000","digest":"0000000000000000000000000000000000000000000000000000000000000000","size":0,"offset":0,"complete":false,"receipts":["AQI="]}`},
	} {
		got, err := json.Marshal(c.value)
		if err != nil || string(got) != c.want {
			t.Errorf("%T is %s, want %s, error %v", c.value, got, c.want, err)
		}
	}
}

func TestEndsJob(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]bool{"job.finished": true, "job.failed": true, "job.cancelled": true, "job.created": false, "round.final": false} {
		if v1.EndsJob(kind) != want {
			t.Errorf("EndsJob(%q) is %v", kind, !want)
		}
	}
}
