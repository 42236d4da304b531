package peer

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
)

func keptSpec() train.Spec {
	return train.Spec{
		Layers: []int{3, 2, 2}, LocalEpochs: 1, BatchSize: 1, LearningRate: 1, Seed: 5, Parameters: job.Parameters{KeepLocal: []string{"layer1.*"}},
	}
}

// filled returns the tensors of the spec that stay, all of one value.
func filled(t *testing.T, spec train.Spec, value float32) []train.Param {
	t.Helper()
	params, err := train.InitialModel(spec)
	if err != nil {
		t.Fatal(err)
	}
	params = spec.Kept(params)
	for _, p := range params {
		for i := range p.Values {
			p.Values[i] = value
		}
	}
	return params
}

// TestKeptOverRounds holds a folder and memory to the same: a round begins with
// what the newest round before it left, also when it is trained again and when
// another process goes on.
func TestKeptOverRounds(t *testing.T) {
	t.Parallel()
	spec, mine, other := keptSpec(), ledger.Hash([]byte("mine")), ledger.Hash([]byte("other"))
	initial, err := train.InitialModel(spec)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "peer.key.kept")} {
		k := &kept{dir: dir, files: map[string][]byte{}}
		begins := func(id ledger.Digest, round uint64, want []train.Param) {
			t.Helper()
			if dir != "" {
				k = &kept{dir: dir} // another process
			}
			got, err := k.before(id, round, spec, spec)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("folder %q: round %d begins with %v, %v; want %v", dir, round, got, err, want)
			}
		}
		after := func(id ledger.Digest, round uint64, value float32) {
			t.Helper()
			if err := k.after(id, round, filled(t, spec, value)); err != nil {
				t.Fatal(err)
			}
		}
		begins(mine, 1, spec.Kept(initial))
		after(mine, 1, 10)
		begins(mine, 1, spec.Kept(initial)) // again: its answer was lost
		begins(mine, 2, filled(t, spec, 10))
		after(mine, 2, 20)
		after(mine, 2, 21)
		begins(mine, 2, filled(t, spec, 10))
		begins(mine, 9, filled(t, spec, 21)) // it missed some
		after(mine, 9, 90)
		after(mine, 10, 100)
		begins(mine, 10, filled(t, spec, 90))
		begins(mine, 11, filled(t, spec, 100))
		begins(other, 4, spec.Kept(initial))
		if names, err := k.names(mine); err != nil || len(names) != 2 {
			t.Errorf("folder %q: kept are %v, %v; want two files", dir, names, err)
		}
	}
}

func TestKeptIsNotGuessed(t *testing.T) {
	t.Parallel()
	spec, id := keptSpec(), ledger.Hash([]byte("job"))
	k := &kept{dir: t.TempDir()}
	if err := k.after(id, 1, filled(t, spec, 1)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(k.dir, keptName(id, 1))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: what a peer keeps is its own", info, err)
	}
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := k.before(id, 2, spec, spec); err == nil || !strings.Contains(err.Error(), "restore or remove") {
		t.Errorf("a damaged file: %v", err)
	}
	shared := spec
	shared.Parameters = job.Parameters{}
	if own, err := k.before(id, 2, shared, shared); err != nil || own != nil {
		t.Errorf("where all is shared a round begins with %v, %v", own, err)
	}
}
