package coordinator_test

import (
	"encoding/json"
	"fmt"

	"github.com/librum/librum/fl/coordinator"
)

// A model card is read back as it was written, by whoever has the file.
func Example() {
	const text = `{"aggregator": {"strategy": "fedavg", "bit_reproducible": true, "attesters": 4, "quorum": 3},
		"participants": [{"rounds": 5, "num_examples": 120}, {"rounds": 5, "num_examples": 80}]}`
	var card coordinator.Card
	if err := json.Unmarshal([]byte(text), &card); err != nil {
		panic(err)
	}
	examples := uint64(0)
	for _, p := range card.Participants {
		examples += p.NumExamples
	}
	fmt.Printf("%s over %d claimed examples, %d of %d nodes agree\n",
		card.Aggregator.Strategy, examples, card.Aggregator.Quorum, card.Aggregator.Attesters)
	// Output: fedavg over 200 claimed examples, 3 of 4 nodes agree
}
