package testnet_test

import (
	"testing"

	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/test/testnet"
)

// TestSameSeedSameChain runs the same simulation twice: chain hash and model
// must be equal to the bit, and another seed must give another chain.
func TestSameSeedSameChain(t *testing.T) {
	t.Parallel()
	spec := job.Defaults()
	spec.NumRounds, spec.MinTrainPeers, spec.MinAvailablePeers = 3, 4, 4
	spec.Model.Layers = []int64{64, 16, 10}
	run := func(seed uint64) testnet.Outcome {
		net, err := testnet.New(t.Context(), seed, 4, 4)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := net.Close(); err != nil {
				t.Error(err)
			}
		}()
		out, err := net.Train(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		if out.Job.State != job.StateFinished || out.Job.Finals != 3 {
			t.Fatalf("seed %d: the job ended as %s (%s) after %d rounds", seed, out.Job.State, out.Job.Reason, out.Job.Finals)
		}
		return out
	}
	first, second, other := run(7), run(7), run(8)
	if first.ChainHash != second.ChainHash || first.Height != second.Height {
		t.Errorf("seed 7 gave chain %s at height %d, then %s at %d", first.ChainHash, first.Height, second.ChainHash, second.Height)
	}
	if first.Job.Model != second.Job.Model {
		t.Errorf("seed 7 gave model %s, then %s", first.Job.Model, second.Job.Model)
	}
	if other.ChainHash == first.ChainHash {
		t.Error("another seed gave the same chain")
	}
}
