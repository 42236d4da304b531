package train

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestAugmentMove(t *testing.T) {
	t.Parallel()
	image := []float32{
		1, 2, 3,
		4, 5, 6,
	}
	cases := []struct {
		jitter         float64
		lines, columns int
		want           []float32
	}{
		{1, 0, 0, image},
		{1, 1, 0, []float32{-1, -1, -1, 1, 2, 3}},
		{1, -1, 0, []float32{4, 5, 6, -1, -1, -1}},
		{1, 0, 1, []float32{-1, 1, 2, -1, 4, 5}},
		{1, 0, -1, []float32{2, 3, -1, 5, 6, -1}},
		{0.5, 0, 1, []float32{0, 1.5, 2.5, 1.5, 4.5, 5.5}},
		{0.25, 1, 0, []float32{0.5, 1.25, 2, 3.25, 4.25, 5.25}},
	}
	for _, c := range cases {
		got := slices.Clone(image)
		a := Augment{Jitter: c.jitter, Width: 3, Background: -1}
		a.move(got, make([]float32, len(got)), c.lines, c.columns)
		if !slices.Equal(got, c.want) {
			t.Errorf("jitter %v, moved by %d lines and %d columns: %v, want %v", c.jitter, c.lines, c.columns, got, c.want)
		}
	}
}

// TestAugmentJitterReachesAllPlaces moves one bright pixel of a 3×3 image by
// whole pixels and finds it in each of the nine cells equally often.
func TestAugmentJitterReachesAllPlaces(t *testing.T) {
	t.Parallel()
	const draws = 9000
	rng := rand.New(rand.NewPCG(1, 2))
	seen := make([]int, 9)
	for range draws {
		image := make([]float32, 9)
		image[4] = 1
		Augment{Jitter: 1, Width: 3}.apply(image, make([]float32, 9), rng)
		seen[slices.Index(image, 1)]++
	}
	for cell, n := range seen {
		if n < draws/9*8/10 || n > draws/9*12/10 {
			t.Errorf("the pixel came to cell %d %d times of %d", cell, n, draws)
		}
	}
}

func TestAugmentNoise(t *testing.T) {
	t.Parallel()
	row := make([]float32, 20_000)
	Augment{Noise: 0.3}.apply(row, nil, rand.New(rand.NewPCG(1, 2)))
	sum, squares := 0.0, 0.0
	for _, v := range row {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	mean, deviation := sum/float64(len(row)), math.Sqrt(squares/float64(len(row)))
	if math.Abs(mean) > 0.01 || math.Abs(deviation-0.3) > 0.01 {
		t.Errorf("noise has mean %v and deviation %v, want 0 and 0.3", mean, deviation)
	}
	if slices.Clone(row)[0] == 0 {
		t.Error("no noise was added")
	}
	still := []float32{1, 2, 3}
	Augment{}.apply(still, nil, nil)
	if !slices.Equal(still, []float32{1, 2, 3}) {
		t.Error("the zero Augment changed a row")
	}
}
