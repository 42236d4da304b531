package api

import (
	"encoding/json"
	"testing"

	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
)

func TestToJSON(t *testing.T) {
	t.Parallel()
	decoder, err := newEventDecoder()
	if err != nil {
		t.Fatal(err)
	}
	large, err := ledger.ParseAmount("35000000000000000000000000000")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		value any
		want  string
	}{
		{&token.Transferred{From: ledger.ID{1}, To: ledger.ID{2}, Amount: large}, `{"amount":"35000000000000000000000000000","from":"01000000000000000000000000000000","to":"02000000000000000000000000000000"}`},
		{map[string]any{"job": ledger.Digest{255}, "nothing": []byte{}, "bytes": []byte{1, 2, 3}}, `{"bytes":"AQID","job":"ff00000000000000000000000000000000000000000000000000000000000000","nothing":""}`},
		{map[string]any{"metrics": map[string]float64{"loss": 0.5}, "list": []any{ledger.ID{1}, "nan", uint64(7), int64(-7), true}}, `{"list":["01000000000000000000000000000000","nan",7,-7,true],"metrics":{"loss":0.5}}`},
		{map[int]int{1: 2}, `{"cbor":"oQEC"}`},
	} {
		b, err := ledger.Encode(c.value)
		if err != nil {
			t.Fatal(err)
		}
		if got := toJSON(decoder, b); string(got) != c.want {
			t.Errorf("%v is %s, want %s", c.value, got, c.want)
		}
	}
	// No contract of ours writes an infinity; a number that JSON lacks must not
	// hide the rest.
	if got := toJSON(decoder, []byte("\xa1\x64loss\xf9\x7c\x00")); string(got) != `{"loss":"+Inf"}` {
		t.Errorf("an infinity is %s", got)
	}
}

func FuzzToJSON(f *testing.F) {
	decoder, err := newEventDecoder()
	if err != nil {
		f.Fatal(err)
	}
	for _, value := range []any{map[string]any{"a": []byte{1}}, []any{1, "x", nil, 2.5}, map[int]int{1: 2}} {
		b, err := ledger.Encode(value)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got := toJSON(decoder, b); !json.Valid(got) {
			t.Errorf("%x is shown as %q", b, got)
		}
	})
}
