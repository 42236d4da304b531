package kernel

import "golang.org/x/sys/cpu"

// vectorTurn is how many coordinates the vector code takes at once.
const vectorTurn = 16

// add folds a tile into acc.
func add(acc []float64, src []float32, weight float64) {
	n := 0
	if cpu.X86.HasAVX && len(acc) >= vectorTurn {
		n = len(acc) - len(acc)%vectorTurn
		addAVX(&acc[0], &src[:n][0], weight, n)
	}
	addF32(acc[n:], src[n:], weight)
}
