package peer

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/train"
)

// TestControlVariatesAreKept holds for both homes that a round, opened again or
// trained again after a restart, begins with the control variate that it began
// with before: zero in the first.
func TestControlVariatesAreKept(t *testing.T) {
	t.Parallel()
	spec := train.Spec{Model: "logistic", Layers: []int{3, 2}, LocalEpochs: 1, BatchSize: 1, LearningRate: 0.1}
	id := ledger.Hash([]byte("job"))
	of := func(value float32) []train.Param {
		params, err := train.Zeros(spec)
		if err != nil {
			t.Fatal(err)
		}
		params[0].Values[0] = value
		return params
	}
	dir := filepath.Join(t.TempDir(), "kept")
	for _, k := range []*kept{{files: map[string][]byte{}}, {dir: dir}} {
		begins := func(round uint64, value float32) {
			t.Helper()
			got, err := k.control(id, round, spec)
			if err != nil || !reflect.DeepEqual(got, of(value)) {
				t.Errorf("%q: round %d begins with %v, %v; want %v", k.dir, round, got, err, value)
			}
		}
		begins(1, 0)
		for round := uint64(1); round < 5; round++ {
			for range 2 { // opened again
				begins(round, float32(round-1))
				if err := k.after(id, round, of(float32(round))); err != nil {
					t.Fatal(err)
				}
			}
		}
		begins(5, 4)
	}
	name := filepath.Join(dir, keptName(id, 4))
	if err := os.WriteFile(name, []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (&kept{dir: dir}).control(id, 5, spec); err == nil {
		t.Error("a damaged control variate is taken")
	}
}
