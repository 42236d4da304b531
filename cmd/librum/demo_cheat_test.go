package main

import (
	"errors"
	"io"
	"testing"

	"github.com/librum/librum/chain/verify"
)

// TestUnnoticed: a cheat counts as found only where verification says what it
// should, and of the right place.
func TestUnnoticed(t *testing.T) {
	t.Parallel()
	wrong := func(where string) *verifyResult {
		return &verifyResult{Verdict: verify.Wrong, First: &verify.Finding{Kind: "record", Where: where, Message: "bad signature"}}
	}
	right := &verifyResult{OK: true, Verdict: verify.Right}
	for _, tt := range []struct {
		name   string
		breach *breach
		says   *verifyResult
		found  bool
	}{
		{"storage, named", storageBreach(), wrong("node-2, block 0, record 1"), true},
		{"storage, at another node", storageBreach(), wrong("node-1, block 0, record 1"), false},
		{"storage, in another block", storageBreach(), wrong("node-2, block 1, record 1"), false},
		{"storage, all right", storageBreach(), right, false},
		{"node, all right", nodeBreach(), right, true},
		{"node, wrong", nodeBreach(), wrong("node-0, block 1"), false},
		{"gateway, all right", gatewayBreach(), right, true},
		{"gateway, wrong", gatewayBreach(), wrong("node-0, block 1"), false},
	} {
		result := tt.breach.judge(tt.says, io.Discard)
		if result.Found != tt.found || result.What == "" || result.Name != tt.breach.name {
			t.Errorf("%s: %+v, want found %t", tt.name, result, tt.found)
		}
		if _, err := tt.breach.found(tt.says); errors.Is(err, errUnnoticed) == tt.found {
			t.Errorf("%s: error %v", tt.name, err)
		}
	}
	none, err := newBreach("")
	if err != nil || none.judge(right, io.Discard) != nil {
		t.Errorf("without a cheat: %+v, %v", none, err)
	}
	if _, err := newBreach("peace"); err == nil {
		t.Error("a cheat that is none was taken")
	}
}
