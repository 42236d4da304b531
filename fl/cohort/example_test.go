package cohort_test

import (
	"fmt"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/cohort"
)

// A node commits to a chain, reveals its first value, and with it two of four
// peers are drawn.
func ExampleDraw() {
	secret := ledger.Hash([]byte("known to the node alone"))
	committed := cohort.Value(secret, 0)
	revealed := cohort.Value(secret, 1)
	fmt.Println(cohort.Leads(revealed, committed, 1))

	roster := []ledger.ID{{1}, {2}, {3}, {4}}
	digest, err := cohort.RosterDigest(roster)
	if err != nil {
		fmt.Println(err)
		return
	}
	seed, err := cohort.Seed(ledger.Digest{1}, 1, digest, []cohort.Reveal{{Node: ledger.ID{9}, Value: revealed}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, peer := range cohort.Draw(seed, roster, 2) {
		fmt.Println(peer.Short())
	}
	// Output:
	// true
	// 01000000
	// 03000000
}
