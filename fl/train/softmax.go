package train

import (
	"fmt"
	"math"

	"github.com/librum/librum/aggregator/kernel"
)

// logSoftmax gives of each row z the logarithms of its softmax, zᵢ − log Σ exp zⱼ.
// gorgonia's own shifts every row by the first number of the batch instead of by
// the row's largest, so that a row far from the first under- or overflows.
//
// Exponentials are the kernel's, since math.Exp has other bits on processors that
// fuse multiplications; what backward gives needs no logarithm.
type logSoftmax struct{ rows, columns int }

func (s logSoftmax) String() string {
	return fmt.Sprintf("log softmax of %d rows of %d", s.rows, s.columns)
}

func (s logSoftmax) shape() (rows, columns int) { return s.rows, s.columns }

func (s logSoftmax) forward(to, from []float32) {
	powers := make([]float64, s.columns)
	for at := 0; at < len(from); at += s.columns {
		row := from[at : at+s.columns]
		largest, sum := exponentials(powers, row)
		logarithm := math.Log(sum)
		for i, z := range row {
			to[at+i] = float32(float64(z) - largest - logarithm)
		}
	}
}

// backward is gᵢ − softmax(z)ᵢ·Σ gⱼ, g being the gradient by the result: with g the
// negated one-hot target it is softmax − onehot.
func (s logSoftmax) backward(to, from, result []float32) {
	powers := make([]float64, s.columns)
	for at := 0; at < len(from); at += s.columns {
		_, sum := exponentials(powers, from[at:at+s.columns])
		given, total := result[at:at+s.columns], 0.0
		for _, g := range given {
			total += float64(g)
		}
		for i, g := range given {
			to[at+i] = float32(float64(g) - float64(powers[i]/sum*total))
		}
	}
}

// exponentials sets powers to those of a row shifted by its largest number, so that
// none overflows and their sum is at least 1.
func exponentials(powers []float64, row []float32) (largest, sum float64) {
	const least = -64 // e^-64 is far below the last digit of 1
	largest = math.Inf(-1)
	for _, z := range row {
		largest = max(largest, float64(z))
	}
	for i, z := range row {
		powers[i] = 0
		if shifted := float64(z) - largest; !(shifted < least) { // NaN stays NaN
			powers[i] = kernel.Exp(shifted)
		}
		sum += powers[i]
	}
	return largest, sum
}
