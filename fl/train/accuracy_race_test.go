//go:build race

package train

// The race detector makes training some ten times slower. Two rounds of one
// seed run all the code at once, which is what it watches for; they show that
// the model learns, and the promise itself is held by the build without it.
var accuracySeeds = []uint64{1}

const (
	accuracyRounds = 2
	accuracyFloor  = 0.8
	accuracyGap    = 0.15
)
