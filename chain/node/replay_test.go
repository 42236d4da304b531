package node_test

import (
	"math/rand/v2"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
)

// TestSameLogSameChain has nodes that never ran execute a log with 1, 2 and 7
// workers: their headers are those of the group, whose nodes executed it as it
// grew.
func TestSameLogSameChain(t *testing.T) {
	t.Parallel()
	workers := map[int]int{4: 1, 5: 2, 6: 7}
	f := newFleet(t, options{extra: len(workers), accounts: 60, blockTransactions: 50, config: func(i int, c *node.Config) {
		c.Workers = workers[i] // 0: the default, in the group
	}})
	f.start(0, 1, 2, 3)
	defer f.close()
	last := f.randomTransfers(10, 60)
	f.start(4, 5, 6)
	f.final(last)
	if height := f.sameHeaders(); height < 10 {
		t.Errorf("the headers were compared up to height %d", height)
	}
}

// randomTransfers submits batches of transfers between accounts, through any node of
// the group, and returns the position of the last once it is final. The order
// decides which of them take effect.
func (f *fleet) randomTransfers(batches, accounts int) (last ledger.Position) {
	f.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	codes := map[ledger.Code]int{}
	for range batches {
		batch := make([][]byte, accounts)
		for i := range batch {
			batch[i] = f.transfer(random.IntN(accounts), random.IntN(accounts), random.Uint64N(aplostest.Balance))
		}
		outcomes, err := f.node(random.IntN(4)).Submit(f.Context(), batch)
		if err != nil {
			f.Fatal(err)
		}
		for _, o := range outcomes {
			codes[o.Code]++
			last = o.Position
		}
	}
	if codes[ledger.CodeOK] == 0 || codes[token.CodeInsufficientFunds] == 0 {
		f.Fatalf("the transactions ended as %v: the order decides nothing", codes)
	}
	f.final(last)
	return last
}
