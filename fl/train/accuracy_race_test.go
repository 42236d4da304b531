//go:build race

package train

// The race detector makes training several times slower; one seed exercises
// the same code.
var accuracySeeds = []uint64{1}
