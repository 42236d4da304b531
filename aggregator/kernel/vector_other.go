//go:build !amd64

package kernel

// add folds a tile into acc.
func add(acc []float64, src []float32, weight float64) { addF32(acc, src, weight) }

// addScaled adds weight·row to acc.
func addScaled(acc, row []float64, weight float64) { addScaledF64(acc, row, weight) }

// divide stores acc/total in dst.
func divide(dst []float32, acc []float64, total float64) { meanF32(dst, acc, total) }

// eightSquares adds to sums the squared distances of eight rows from one, in index
// order.
func eightSquares(sums *[8]float64, row []float64, others *[8][]float64) {
	fourSquares((*[4]float64)(sums[:4]), row, (*[4][]float64)(others[:4]))
	fourSquares((*[4]float64)(sums[4:]), row, (*[4][]float64)(others[4:]))
}
