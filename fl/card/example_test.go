package card_test

import (
	"fmt"

	"github.com/librum/librum/fl/card"
)

// The card of a job whose second round refused the update of one of three
// peers.
func ExampleMake() {
	state, err := finished()
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := card.Make(state, id)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range c.Rounds {
		fmt.Println("round", r.Round, "of", r.Updates, "updates,", r.Refused, "refused")
	}
	fmt.Println(len(c.Participants), "participants, the first in", c.Participants[0].Rounds, "round")
	// Output:
	// round 1 of 3 updates, 0 refused
	// round 2 of 2 updates, 1 refused
	// 3 participants, the first in 1 round
}
