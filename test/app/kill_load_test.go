package app_test

import (
	"context"
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/localnet"
)

// kills is how often TestKilledUnderLoad kills the process.
var kills = flag.Int("kills", 2, "how often TestKilledUnderLoad kills the process")

// payments are what clients of a network sent and were told.
type payments struct {
	secrets localnet.Secrets
	chain   ledger.Digest
	nonce   atomic.Uint64

	mu    sync.Mutex
	sent  int
	open  [][]byte // sent, and nothing heard of
	told  []v1.Transaction
	grown chan struct{} // closed once limit are told
	limit int
}

// pay signs a payment of one unit.
func (p *payments) pay() ([]byte, error) {
	args, err := ledger.Encode(map[string]any{
		"to": p.secrets.ID(localnet.KindAccount, 1), "amount": ledger.NewAmount(1),
	})
	if err != nil {
		return nil, err
	}
	key := p.secrets.Key(localnet.KindAccount, 0)
	tx := ledger.Transaction{
		Version: ledger.Version, Chain: p.chain, Sender: p.secrets.ID(localnet.KindAccount, 0), Contract: "token", Method: "transfer",
		Args: args, Expiry: time.Now().Add(9 * time.Minute).UnixMilli(),
	}
	binary.BigEndian.PutUint64(tx.Nonce[:], p.nonce.Add(1))
	e, err := tx.Sign(key.ID(), key.Sign)
	return e.Bytes(), err
}

// load pays, one after the other, until the server is gone.
func (p *payments) load(ctx context.Context, c *client.Client) error {
	for {
		raw, err := p.pay()
		if err != nil {
			return err
		}
		p.mu.Lock()
		p.sent++
		p.mu.Unlock()
		tx, err := c.Submit(ctx, raw, client.Executed)
		p.mu.Lock()
		if err != nil {
			p.open = append(p.open, raw)
			p.mu.Unlock()
			return nil //nolint:nilerr // it was killed; what became of this one is asked later
		}
		if p.told = append(p.told, tx); len(p.told) == p.limit {
			close(p.grown)
		}
		p.mu.Unlock()
	}
}

// settle sends again what nothing was heard of, and wants what was told to hold.
func (p *payments) settle(t *testing.T, c *client.Client) {
	t.Helper()
	for _, raw := range p.open {
		tx, err := c.Submit(t.Context(), raw, client.Final)
		if err != nil {
			t.Fatalf("send again: %v", err)
		}
		p.told = append(p.told, tx)
	}
	p.open = nil
	places := map[string]bool{}
	for _, want := range p.told {
		got, err := c.Transaction(t.Context(), want.ID)
		if err != nil || got.Position != want.Position || got.Code != ledger.CodeOK || places[got.Position] {
			t.Fatalf("transaction %s, told to be %s at %s, is %s at %s, %v", want.ID.Short(), want.Code, want.Position, got.Code, got.Position, err)
		}
		places[got.Position] = true
	}
	if len(p.told) != p.sent {
		t.Fatalf("%d payments were sent, %d have a place", p.sent, len(p.told))
	}
}

// TestKilledUnderLoad kills the process at random moments while clients pay:
// what they were told holds, what they were not told happens once when it is
// sent again, and all verifies.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dev")
	p := &payments{secrets: localnet.SecretsFromSeed(3)}
	spec := localnet.Spec{Nodes: 4, Peers: 1, Accounts: 2, Time: time.Now()}
	if err := localnet.Create(localnet.Dir(dir), p.secrets, spec); err != nil {
		t.Fatal(err)
	}
	var err error
	if _, p.chain, err = localnet.Dir(dir).LoadGenesis(); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for range *kills {
		d := startDev(t, dir, 1, anyPort)
		c := openOnce(t, dir, d)
		p.settle(t, c)
		p.limit, p.grown = len(p.told)+1+random.IntN(30), make(chan struct{})
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				if err := p.load(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		select {
		case <-p.grown:
		case <-time.After(5 * time.Minute):
			t.Errorf("%d payments are not executed in five minutes", p.limit)
		}
		d.end(t, syscall.SIGKILL)
		clients.Wait()
	}
	d := startDev(t, dir, 1, anyPort)
	p.settle(t, openOnce(t, dir, d))
	d.end(t, syscall.SIGTERM)
	t.Logf("%d payments, %d kills", p.sent, *kills)
	if _, code := output(t, nil, "verify", "chain", "--dir", dir); code != 0 {
		t.Errorf("verify: exit %d", code)
	}
	if _, code := output(t, nil, "fsck", "--dir", dir); code != 0 {
		t.Errorf("fsck: exit %d", code)
	}
	p.balances(t, localnet.Dir(dir))
}

// balances compares what the payee has at each node with what was paid.
func (p *payments) balances(t *testing.T, dir localnet.Dir) {
	t.Helper()
	n, err := localnet.Open(t.Context(), dir, localnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()
	for i, node := range n.Nodes {
		before, paid := ledger.Amount{}, ledger.NewAmount(uint64(p.sent))
		for _, a := range n.Genesis.Token.Allocations {
			if a.Account == p.secrets.ID(localnet.KindAccount, 1) {
				before = a.Amount
			}
		}
		want, ok := before.Plus(paid)
		got, err := token.Balance(node.State(t.Context()), p.secrets.ID(localnet.KindAccount, 1))
		if err != nil || !ok || got.Cmp(want) != 0 {
			t.Errorf("node %d: the payee has %s, %v, want %s", i, got, err, want)
		}
	}
}

// openOnce returns a client that asks each thing once.
func openOnce(t *testing.T, dir string, d *dev) *client.Client {
	t.Helper()
	secret, err := localnet.Dir(dir).ReadToken()
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(d.base, secret, client.Options{Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
