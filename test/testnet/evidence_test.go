package testnet_test

import (
	"testing"

	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/fl/job"
)

// TestSuspendedCoordinatorCostsItsTermAlone suspends the node that holds the
// term in the middle of a round: its term runs out, another node takes the next
// one, and the job ends well with the quorum of the other three.
func TestSuspendedCoordinatorCostsItsTermAlone(t *testing.T) {
	t.Parallel()
	net := network(t, 31, 4, 3)
	begin(t, net, small(3, 3))
	submitted(t, net, 2, 1)
	liar, before := holder(t, net)
	if err := net.Equivocate(t.Context(), liar); err != nil {
		t.Fatal(err)
	}
	end(t, net, job.StateFinished, "", 3)
	taker, now := holder(t, net)
	if taker == liar || now.Term != before.Term+1 {
		t.Errorf("node %d holds term %d, the suspended node %d held %d", taker, now.Term, liar, before.Term)
	}
	if suspended, err := governance.IsSuspended(net.State(), before.Holder); err != nil || !suspended {
		t.Errorf("suspended: %t, %v", suspended, err)
	}
	verified(t, net, 3)
}
