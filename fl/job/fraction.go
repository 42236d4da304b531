package job

import "math"

// Draws reports whether a round asks but part of its roster, which is drawn.
func (s *Spec) Draws() bool { return s.FractionTrain < 1 }

// Wanted returns how many updates a round wants of a roster: the fraction of it,
// rounded half up, and min_train_peers at least.
func (s *Spec) Wanted(roster uint64) uint64 {
	if !s.Draws() {
		return roster
	}
	return min(roster, max(uint64(s.MinTrainPeers), times(roster, s.FractionTrain)))
}

// CohortSize returns how many peers of a roster a round asks: those whose
// updates it wants, and over_selection more.
func (s *Spec) CohortSize(roster uint64) uint64 {
	return min(roster, times(s.Wanted(roster), 1+s.OverSelection))
}

// times returns n times a factor, rounded half up. The product is rounded to
// float64 by itself, so that no architecture fuses it with what follows.
func times(n uint64, factor float64) uint64 {
	product := float64(float64(n) * factor)
	whole := math.Floor(product)
	if product-whole >= 0.5 {
		whole++
	}
	return uint64(whole)
}
