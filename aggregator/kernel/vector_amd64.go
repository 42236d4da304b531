package kernel

import "golang.org/x/sys/cpu"

// How many coordinates the vector code takes at once: of most loops, and of
// eightSquares.
const (
	vectorTurn  = 16
	squaresTurn = 4
)

// whole returns how many of n coordinates the vector code takes.
func whole(n, turn int) int {
	if !cpu.X86.HasAVX {
		return 0
	}
	return n - n%turn
}

// add folds a tile into acc.
func add(acc []float64, src []float32, weight float64) {
	n := whole(len(acc), vectorTurn)
	if n > 0 {
		addAVX(&acc[0], &src[:n][0], weight, n)
	}
	addF32(acc[n:], src[n:], weight)
}

// addScaled adds weight·row to acc.
func addScaled(acc, row []float64, weight float64) {
	n := whole(len(acc), vectorTurn)
	if n > 0 {
		addScaledAVX(&acc[0], &row[:n][0], weight, n)
	}
	addScaledF64(acc[n:], row[n:], weight)
}

// divide stores acc/total in dst.
func divide(dst []float32, acc []float64, total float64) {
	n := whole(len(acc), vectorTurn)
	if n > 0 {
		meanAVX(&dst[:n][0], &acc[0], total, n)
	}
	meanF32(dst[n:], acc[n:], total)
}

// eightSquares adds to sums the squared distances of eight rows from one, in index
// order.
func eightSquares(sums *[8]float64, row []float64, others *[8][]float64) {
	n := whole(len(row), squaresTurn)
	var rest [8][]float64
	for i, other := range others {
		rest[i] = other[n:len(row)] // none is shorter
	}
	if n > 0 {
		eightSquaresAVX(&sums[0], &row[0], others, n)
	}
	Squares(sums[:], rest[:], row[n:])
}
