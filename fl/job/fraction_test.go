package job_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/fl/job"
)

func TestFractions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fraction, over float64
		least          int64
		roster         uint64
		wanted, cohort uint64
	}{
		{1, 0, 2, 10, 10, 10},
		{0.1, 0, 2, 100, 10, 10},
		{0.29, 0, 2, 100, 29, 29}, // 0.29 × 100 is 28.999999999999996 in float64
		{0.07, 0, 2, 100, 7, 7},   // 7.000000000000001
		{0.5, 0, 1, 5, 3, 3},
		{0.1, 0, 2, 10, 2, 2}, // min_train_peers
		{0.1, 0.3, 2, 100, 10, 13},
		{0.9, 4, 2, 10, 9, 10}, // no more than there are
		{1e-9, 0, 1, 2000, 1, 1},
	} {
		s := job.Defaults()
		s.FractionTrain, s.OverSelection, s.MinTrainPeers = c.fraction, c.over, c.least
		if wanted, cohort := s.Wanted(c.roster), s.CohortSize(c.roster); wanted != c.wanted || cohort != c.cohort {
			t.Errorf("%g and %g more of %d: %d wanted of %d asked, want %d of %d",
				c.fraction, c.over, c.roster, wanted, cohort, c.wanted, c.cohort)
		}
	}
}

// TestFractionBounds: whatever a valid spec says, a round wants as many updates
// as keep it from being void, and asks no more peers than there are.
func TestFractionBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := job.Defaults()
		s.FractionTrain = rapid.Float64Range(1e-9, 1).Draw(t, "fraction_train")
		s.OverSelection = rapid.Float64Range(0, job.MaxOverSelection).Draw(t, "over_selection")
		s.MinTrainPeers = rapid.Int64Range(1, job.MaxPeers).Draw(t, "min_train_peers")
		roster := rapid.Uint64Range(uint64(s.MinTrainPeers), job.MaxPeers).Draw(t, "roster")
		wanted, cohort := s.Wanted(roster), s.CohortSize(roster)
		if wanted < uint64(s.MinTrainPeers) || wanted > cohort || cohort > roster {
			t.Fatalf("%d wanted of %d asked of %d", wanted, cohort, roster)
		}
	})
}
