package train

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// MaxNoise bounds Augment.Noise.
const MaxNoise = 1_000.0

// Augment varies the rows a model is trained on, so that it fits what rows have
// in common rather than the few it has seen. Evaluate never augments. The zero
// value changes nothing.
type Augment struct {
	// Noise is the standard deviation of normal noise added to each feature,
	// which acts as a Tikhonov regulariser (Bishop 1995, "Training with Noise is
	// Equivalent to Tikhonov Regularization"): 0 to MaxNoise.
	Noise float64
	// Jitter moves a row that is an image by -Jitter, 0 or Jitter pixels along
	// each axis, each with the same chance, interpolating linearly (Simard et al.
	// 2003, "Best Practices for Convolutional Neural Networks"): 0 to 1.
	Jitter float64
	// Width is the number of pixels in a line of the image and divides the
	// number of features; it matters only where Jitter is above 0.
	Width int
	// Background fills what moves in from outside the image: finite.
	Background float64
}

func (s Spec) augmentProblems() []error {
	var problems []error
	a := s.Augment
	// The conditions are written so that NaN fails them.
	if !(a.Noise >= 0 && a.Noise <= MaxNoise) {
		problems = append(problems, fmt.Errorf("augment.noise is %v: must be 0 to %v", a.Noise, MaxNoise))
	}
	if !(a.Jitter >= 0 && a.Jitter <= 1) {
		problems = append(problems, fmt.Errorf("augment.jitter is %v: must be 0 to 1", a.Jitter))
	}
	if !(math.Abs(a.Background) <= math.MaxFloat32) {
		problems = append(problems, fmt.Errorf("augment.background is %v: must be finite in float32", a.Background))
	}
	if a.Jitter > 0 && (a.Width < 1 || (len(s.Layers) > 0 && s.Layers[0]%a.Width != 0)) {
		problems = append(problems, fmt.Errorf("augment.width is %d: must divide the number of features", a.Width))
	}
	return problems
}

// apply varies row in place with what rng yields; moved is scratch of the same
// length.
func (a Augment) apply(row, moved []float32, rng *rand.Rand) {
	if a.Jitter > 0 {
		lines, columns := rng.IntN(3)-1, rng.IntN(3)-1
		a.move(row, moved, lines, 0)
		a.move(row, moved, 0, columns)
	}
	if a.Noise > 0 {
		for i := range row {
			row[i] += float32(a.Noise * rng.NormFloat64())
		}
	}
}

// move blends row with itself moved by whole lines and columns, in the
// proportion 1-Jitter to Jitter: linear interpolation along the axis moved on.
func (a Augment) move(row, moved []float32, lines, columns int) {
	if lines == 0 && columns == 0 {
		return
	}
	height := len(row) / a.Width
	for y := range height {
		for x := range a.Width {
			from, value := (y-lines)*a.Width+x-columns, float32(a.Background)
			if y-lines >= 0 && y-lines < height && x-columns >= 0 && x-columns < a.Width {
				value = row[from]
			}
			moved[y*a.Width+x] = value
		}
	}
	share := float32(a.Jitter)
	for i := range row {
		row[i] = (1-share)*row[i] + share*moved[i]
	}
}
