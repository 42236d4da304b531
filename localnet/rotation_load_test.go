package localnet_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"time"

	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/localnet"
)

// The load of TestRotationUnderLoad: 25 accounts, each a batch of 5 transfers a
// quarter of a second from two programs, are 1,000 in a second at the most; the
// machine of a test may be slower, which the rate in its log shows.
const (
	loadAccounts = 25
	loadBatch    = 5
	loadTicks    = 24
	loadTick     = 250 * time.Millisecond
)

// transact sends an account's transfers; one that changes takes a new key in
// the middle, which the other programs of the account need not know.
func (r *rotating) transact(account int, changes bool) {
	caller := &identity.Caller{
		Chain: r.Chain, Sender: r.secrets.ID(localnet.KindAccount, account), Key: r.secrets.Key(localnet.KindAccount, account), Random: rand.Reader,
	}
	ticker := time.NewTicker(loadTick)
	defer ticker.Stop()
	for tick := 0; tick < loadTicks || r.governs.Load(); tick++ {
		<-ticker.C
		if changes && tick == loadTicks/4 {
			r.rotateKey(caller, r.secrets.ID(localnet.KindOrganisation, account%len(r.Nodes)), r.secrets.Key("account after", account))
		}
		batch := make([][]byte, loadBatch)
		for i := range batch {
			var err error
			batch[i], err = caller.Call(token.Name, "transfer", &token.Transfer{
				To: r.secrets.ID(localnet.KindAccount, (account+1)%loadAccounts), Amount: ledger.NewAmount(1),
			}, time.Now().Add(time.Minute).UnixMilli())
			if err != nil {
				r.Error(err)
				return
			}
		}
		if err := r.send(batch...); err != nil {
			r.Errorf("account %d, tick %d, changed %t: %v", account, tick, changes, err)
			return
		}
		r.sent[account].Add(loadBatch)
	}
}

// restart opens the network again without the old keys of its nodes.
func (r *rotating) restart() {
	r.Helper()
	for i := range 2 {
		if err := os.Rename(filepath.Join(r.Dir.Node(i), "key-2"), r.Dir.Key(i)); err != nil {
			r.Fatal(err)
		}
	}
	again, err := localnet.Open(r.Context(), r.Dir, localnet.Options{})
	if err != nil {
		r.Fatal(err)
	}
	for i, n := range again.Nodes {
		if !n.Status().Signs || n.ID() != r.Nodes[i].ID() {
			r.Errorf("node %d without its old key: %+v", i, n.Status())
		}
	}
	if err := again.Close(); err != nil {
		r.Error(err)
	}
}

// settled wants every node to hold all transfers, final beyond the last change.
func (r *rotating) settled(elapsed time.Duration) {
	r.Helper()
	var sum int64
	for i := range r.sent {
		sum += r.sent[i].Load()
	}
	r.Logf("%d transfers in %.1f s: %.0f/s", sum, elapsed.Seconds(), float64(sum)/elapsed.Seconds())
	if least := int64(2 * loadAccounts * loadTicks * loadBatch); sum < least {
		r.Errorf("%d transfers took effect, want %d at least", sum, least)
	}
	before, err := ledger.ParseAmount("1000000000000000000000") // of each account, by the genesis
	if err != nil {
		r.Fatal(err)
	}
	last := r.Nodes[0].Status().Last
	for i, n := range r.Nodes {
		if err := n.AwaitFinal(r.Context(), last); err != nil {
			r.Fatal(err)
		}
		if s := n.Status(); s.Diverged || s.Epoch != 2 || !s.Signs {
			r.Errorf("node %d: %+v", i, s)
		}
		for account := range r.sent {
			got, err := token.Balance(n.State(r.Context()), r.secrets.ID(localnet.KindAccount, account))
			if err != nil {
				r.Fatal(err)
			}
			from := (account + loadAccounts - 1) % loadAccounts
			spent, _ := got.Plus(ledger.NewAmount(uint64(r.sent[account].Load())))
			had, _ := before.Plus(ledger.NewAmount(uint64(r.sent[from].Load())))
			if spent != had {
				r.Errorf("account %d has %s at node %d after %d transfers to it and %d from it", account, got, i, r.sent[from].Load(), r.sent[account].Load())
			}
		}
	}
}
