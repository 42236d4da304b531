package main

import (
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// TestAllPeersEvaluate: a job that asked but a part of its peers, and more of them
// than it wanted, has all of them measure its model.
func TestAllPeersEvaluate(t *testing.T) {
	t.Parallel()
	spec := job.Defaults()
	spec.FractionTrain, spec.OverSelection, spec.NumRounds = 0.5, 0.5, 9
	got := onPeers(spec, ledger.Digest{1})
	if got.FractionTrain != 1 || got.OverSelection != 0 || got.FractionEvaluate != 1 || got.NumRounds != 1 || got.Train.LocalEpochs != 0 {
		t.Errorf("%+v", got)
	}
}
