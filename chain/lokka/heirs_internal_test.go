package lokka

import (
	"testing"

	"github.com/librum/librum/chain/ledger"
)

// TestHeirsAreAsked: the group that signed the end of an epoch may be gone by the
// time a node looks for its signatures; the nodes that sign now have them.
func TestHeirsAreAsked(t *testing.T) {
	t.Parallel()
	m := boundsMachine(always)
	next := ledger.Group{Epoch: 1}
	for i := range 3 {
		next.Nodes = append(next.Nodes, ledger.GroupNode{Node: ledger.ID{byte(i + 11)}, Key: ledger.PublicKey{byte(i + 11)}})
	}
	next.Nodes = append([]ledger.GroupNode{{Node: ledger.ID{1}, Key: ledger.PublicKey{0}}}, next.Nodes...) // itself
	digest, err := next.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if cut, err := m.Add(Record{Offset: 1, Envelope: []byte("e"), Kind: ledger.RecordTransactions, Transactions: [][]byte{{1}}, Results: make([]ledger.Result, 1)}); !cut || err != nil {
		t.Fatal(cut, err)
	}
	if _, _, err := m.Cut(ledger.Digest{1}, digest); err != nil {
		t.Fatal(err)
	}
	if err := m.SetGroup(next); err != nil {
		t.Fatal(err)
	}
	if err := m.Applied(1); err != nil {
		t.Fatal(err)
	}
	asked := map[ledger.ID]int{}
	for now := int64(1); now <= 20; now++ {
		m.Tick(now * 2 * pullLongest)
		for _, p := range m.Ready().Pull {
			asked[p.Node]++
		}
	}
	for _, node := range []byte{2, 3, 4, 11, 12, 13} { // who signed, who signs
		if asked[ledger.ID{node}] == 0 {
			t.Errorf("node %d was not asked: %v", node, asked)
		}
	}
	if asked[ledger.ID{1}] != 0 {
		t.Error("it asks itself")
	}
}
