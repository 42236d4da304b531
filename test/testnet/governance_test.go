package testnet_test

import (
	"testing"

	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/fl/job"
)

// TestTermHolderLeavesTheGroup removes the node that holds the term while a
// round is open. The round keeps the group that was frozen for it, the term runs
// out, the node stands still, another one goes on, and later rounds are attested
// by the three that are left.
func TestTermHolderLeavesTheGroup(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{41, 42, 43} {
		net := network(t, seed, 4, 3)
		begin(t, net, small(3, 3))
		submitted(t, net, 1, 1)
		leaver, before := holder(t, net)
		remove := governance.Action{RemoveNode: &governance.RemoveNode{Node: before.Holder}}
		if err := net.Enact(t.Context(), remove, 2); err != nil {
			t.Fatal(err)
		}
		end(t, net, job.StateFinished, "", 3)
		taker, now := holder(t, net)
		if taker == leaver || now.Term <= before.Term {
			t.Errorf("seed %d: node %d holds term %d, node %d, which left, held %d", seed, taker, now.Term, leaver, before.Term)
		}
		if group := net.GroupNow(); group.Epoch != 1 || len(group.Nodes) != 3 {
			t.Errorf("seed %d: group %+v", seed, group)
		}
		verified(t, net, 3)
	}
}
