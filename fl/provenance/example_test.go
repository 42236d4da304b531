package provenance_test

import (
	"fmt"

	"github.com/librum/librum/fl/provenance"
)

// The line of a model after two rounds, whose second refused an update.
func ExampleRead() {
	state, err := finished()
	if err != nil {
		fmt.Println(err)
		return
	}
	l, err := provenance.Read(state, id, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(l.Rounds), "rounds,", len(l.Updates), "updates in the last,", len(l.Refused), "refused,", len(l.Agreed), "node agreed")
	// Output: 2 rounds, 2 updates in the last, 1 refused, 1 node agreed
}
