package node_test

import (
	"testing"
	"time"

	"github.com/librum/librum/chain/aplos/aplostest"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/node"
)

// TestMembersChange holds that the status tells records that change members from those
// that don't, and counts each block as one that may.
func TestMembersChange(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{accounts: 2, config: func(_ int, c *node.Config) { c.MarkerDelay = time.Hour }})
	f.start(0, 1, 2, 3)
	defer f.close()
	f.submit(0, f.transfer(0, 1, 1)) // and what else a chain begins with
	before := f.node(0).Status()
	f.submit(0, f.transfer(0, 1, 1))
	if s := f.node(0).Status(); s.Members != before.Members || s.Next <= before.Next {
		t.Errorf("after a transfer at %d members changed at %d, before at %d", s.Next, s.Members, before.Members)
	}
	key := aplostest.DelegateKey(0)
	at := f.clock.now().UnixMilli()
	row, err := members.ActiveAt(f.node(0).State(t.Context()), f.chain.Account(0), at)
	if err != nil {
		t.Fatal(err)
	}
	tx := f.chain.Transaction(0, 0, 0, f.nonce.Add(1), at+60_000)
	tx.Contract, tx.Method = members.Name, members.MethodAddDelegate
	tx.Args = f.chain.Encode(&members.AddDelegate{
		Node: aplostest.NodeID(0), Key: key.Public(), Proof: f.chain.Possession(row.Organisation, tx.Sender, key), Methods: []string{"fl.CancelJob"}, Expiry: at + 3_600_000,
	})
	added := f.submit(0, f.chain.Sign(tx, aplostest.AccountKey(0)))
	if s := f.node(0).Status(); s.Members <= added[0].Position.Offset {
		t.Errorf("members changed at %d, says the status %d", added[0].Position.Offset, s.Members)
	}
	sent := f.submit(0, f.transfer(0, 1, 1))
	if err := f.node(0).AwaitFinal(t.Context(), sent[0].Position); err != nil { // it has the block closed
		t.Fatal(err)
	}
	if s := f.node(0).Status(); s.Members <= sent[0].Position.Offset {
		t.Errorf("a block with record %d is closed, and members may have changed at %d", sent[0].Position.Offset, s.Members)
	}
}
