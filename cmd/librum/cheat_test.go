package main

import (
	"errors"
	"io"
	"testing"

	"github.com/librum/librum/chain/verify"
	"github.com/librum/librum/fl/job"
)

// TestUnnoticed: a cheat counts as found only where verification says what it
// should, and of the right place.
func TestUnnoticed(t *testing.T) {
	t.Parallel()
	wrong := func(where string) *verifyResult {
		return &verifyResult{Verdict: verify.Wrong, First: &verify.Finding{Kind: "record", Where: where, Message: "bad signature"}}
	}
	spec := &job.Spec{}
	right := &verifyResult{OK: true, Verdict: verify.Right}
	for _, tt := range []struct {
		name  string
		cheat *cheat
		says  *verifyResult
		found bool
	}{
		{"storage, named", storageCheat(spec), wrong("node-2, block 0, record 1"), true},
		{"storage, at another node", storageCheat(spec), wrong("node-1, block 0, record 1"), false},
		{"storage, in another block", storageCheat(spec), wrong("node-2, block 1, record 1"), false},
		{"storage, all right", storageCheat(spec), right, false},
		{"node, all right", nodeCheat(spec), right, true},
		{"node, wrong", nodeCheat(spec), wrong("node-0, block 1"), false},
		{"gateway, all right", gatewayCheat(spec), right, true},
		{"gateway, wrong", gatewayCheat(spec), wrong("node-0, block 1"), false},
	} {
		result := tt.cheat.judge(tt.says, io.Discard)
		if result.Found != tt.found || result.What == "" || result.Name != tt.cheat.name {
			t.Errorf("%s: %+v, want found %t", tt.name, result, tt.found)
		}
		if _, err := tt.cheat.found(tt.says); errors.Is(err, errUnnoticed) == tt.found {
			t.Errorf("%s: error %v", tt.name, err)
		}
	}
	none, err := newCheat("", spec)
	if err != nil || none.judge(right, io.Discard) != nil {
		t.Errorf("without a cheat: %+v, %v", none, err)
	}
	if _, err := newCheat("peace", spec); err == nil {
		t.Error("a cheat that is none was taken")
	}
}
