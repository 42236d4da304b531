//go:build !amd64

package kernel

// add folds a tile into acc.
func add(acc []float64, src []float32, weight float64) { addF32(acc, src, weight) }
