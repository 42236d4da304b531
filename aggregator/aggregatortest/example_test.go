package aggregatortest_test

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/aggregatortest"
)

func Example() {
	test := func(t *testing.T) { // stands for a TestXxx
		t.Helper()
		model := aggregatortest.Mixed(t, 100)
		file := aggregatortest.File(t, model, 1, 0.1)
		if err := aggregator.Check(t.Context(), model, bytes.NewReader(file), int64(len(file)), sha256.Sum256(file), aggregator.Limits{}); err != nil {
			t.Error(err)
		}
	}
	_ = test
}

// TestRepeatable holds that a seed stands for its bytes, on every machine.
func TestRepeatable(t *testing.T) {
	t.Parallel()
	model := aggregatortest.Mixed(t, 1000)
	a, b := aggregatortest.File(t, model, 1, 0.1), aggregatortest.File(t, model, 1, 0.1)
	if !bytes.Equal(a, b) || bytes.Equal(a, aggregatortest.File(t, model, 2, 0.1)) {
		t.Error("the seed does not decide the bytes")
	}
	if err := aggregator.Check(t.Context(), model, bytes.NewReader(a), int64(len(a)), sha256.Sum256(a), aggregator.Limits{}); err != nil {
		t.Errorf("a test file does not pass: %v", err)
	}
}
