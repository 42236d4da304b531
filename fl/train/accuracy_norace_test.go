//go:build !race

package train

// What DigitsSpec promises for the demo's job: the mean over these seeds.
var accuracySeeds = []uint64{1, 2, 3, 4, 5}

const (
	accuracyRounds = 20
	accuracyFloor  = 0.95
	accuracyGap    = 0.015 // between federated and central training
)
