package kernel

import "math"

// normBlock is the number of squares that are summed before the sum joins the
// total: pairwise enough to keep the error small, and independent of tiles.
const normBlock = 4096

// SquaredSum is a running squared L2 norm, kernel(5). The zero value is ready.
type SquaredSum struct {
	total, block float64
	count        int // squares in block
}

// Add appends coordinates.
func (s *SquaredSum) Add(xs []float64) {
	for len(xs) > 0 {
		n := min(len(xs), normBlock-s.count)
		block := s.block
		for _, x := range xs[:n] {
			block += float64(x * x)
		}
		s.block = block
		if s.count += n; s.count == normBlock {
			s.EndTensor()
		}
		xs = xs[n:]
	}
}

// EndTensor closes the open block: blocks begin anew with every tensor.
func (s *SquaredSum) EndTensor() {
	s.total += s.block
	s.block, s.count = 0, 0
}

// Sum returns the sum of all closed blocks.
func (s *SquaredSum) Sum() float64 { return s.total }

// FirstNotBelow returns the index of the first number whose magnitude is not
// below bound (a NaN's never is), -1 if there is none. With an infinite bound
// it finds what is not finite.
func FirstNotBelow(xs []float64, bound float64) int {
	// Shifting out the sign leaves magnitudes that compare as integers, with
	// infinity above all numbers and NaN above infinity: one comparison.
	limit := math.Float64bits(bound) << 1
	for i, x := range xs {
		if math.Float64bits(x)<<1 >= limit {
			return i
		}
	}
	return -1
}
