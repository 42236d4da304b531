package kernel

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// naiveSquares is kernel(5) written down.
func naiveSquares(tensors [][]float64) float64 {
	total := 0.0
	for _, xs := range tensors {
		for begin := 0; begin < len(xs); begin += 4096 {
			block := 0.0
			for _, x := range xs[begin:min(begin+4096, len(xs))] {
				square := float64(x * x)
				block += square
			}
			total += block
		}
	}
	return total
}

func TestSquaredSumAgainstNaive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var tensors [][]float64
		var sum SquaredSum
		for range rapid.IntRange(0, 3).Draw(t, "tensors") {
			xs := make([]float64, rapid.IntRange(0, 10_000).Draw(t, "n"))
			scale := rapid.Float64Range(-1e6, 1e6).Draw(t, "scale")
			for i := range xs {
				xs[i] = scale / float64(i+1)
			}
			tensors = append(tensors, xs)
			for len(xs) > 0 {
				n := rapid.IntRange(1, len(xs)).Draw(t, "tile")
				sum.Add(xs[:n])
				xs = xs[n:]
			}
			sum.EndTensor()
		}
		if got, want := sum.Sum(), naiveSquares(tensors); got != want {
			t.Fatalf("%v, the twin has %v", got, want)
		}
	})
}

func TestFirstNotBelow(t *testing.T) {
	t.Parallel()
	infinity := math.Inf(1)
	for _, c := range []struct {
		bound float64
		xs    []float64
		want  int
	}{
		{Bound, nil, -1},
		{Bound, []float64{0, math.Copysign(0, -1), math.MaxFloat32, -math.SmallestNonzeroFloat64}, -1},
		{Bound, []float64{1, math.NaN(), infinity}, 1},
		{Bound, []float64{1, 2, -math.Float64frombits(math.Float64bits(math.NaN()) | 1)}, 2},
		{Bound, []float64{-infinity}, 0},
		{Bound, []float64{math.Nextafter(Bound, 0), Bound}, 1},
		{Bound, []float64{-Bound}, 0},
		{infinity, []float64{math.MaxFloat64, -math.MaxFloat64}, -1},
		{infinity, []float64{0, 0, -infinity}, 2},
	} {
		if got := FirstNotBelow(c.xs, c.bound); got != c.want {
			t.Errorf("%v with bound %g: %d, want %d", c.xs, c.bound, got, c.want)
		}
	}
}
