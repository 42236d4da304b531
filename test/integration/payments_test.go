package integration_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
)

// payments are transfers of one unit each, from the operator of organisation 1,
// who holds the token, to that of organisation 2. A writer at each node sends
// one after the other, each until it was acknowledged; so every one happens, once.
type payments struct {
	network *network
	from    identity.Caller
	to      ledger.ID
	before  ledger.Amount // what the payee had

	mu    sync.Mutex
	told  []v1.Transaction
	acked [clusterNodes]atomic.Int64
	tries atomic.Int64 // that were not acknowledged

	stop  chan struct{}
	group sync.WaitGroup
}

// paymentEvery is the least time between two payments of a writer: what is
// acknowledged is looked at one by one in the end.
const paymentEvery = 50 * time.Millisecond

// pay starts the writers.
func (n *network) pay(ctx context.Context, t *testing.T) *payments {
	t.Helper()
	key, err := keyfile.Load(n.of(0, "node/members/operator-key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &payments{
		network: n, to: n.operator(t, 1), stop: make(chan struct{}),
		from: identity.Caller{Chain: n.chain, Sender: n.operator(t, 0), Key: key, Random: rand.Reader},
	}
	account, err := n.clients[0].Account(ctx, p.to)
	if err != nil {
		t.Fatal(err)
	}
	p.before = account.Balance
	for i := range n.clients {
		c := n.connect(t, i, -1)
		p.group.Go(func() { p.write(ctx, t, i, c) })
	}
	return p
}

// operator is the id of an organisation's operator.
func (n *network) operator(t testing.TB, i int) ledger.ID {
	t.Helper()
	var part struct {
		Members []struct {
			Name string    `json:"name"`
			ID   ledger.ID `json:"id"`
		} `json:"members"`
	}
	if err := json.Unmarshal([]byte(n.read(t, fmt.Sprintf("org-%d/node/part.json", i+1))), &part); err != nil {
		t.Fatal(err)
	}
	for _, m := range part.Members {
		if m.Name == "operator" {
			return m.ID
		}
	}
	t.Fatalf("organisation %d has no operator", i+1)
	return ledger.ID{}
}

func (p *payments) write(ctx context.Context, t *testing.T, i int, c *client.Client) {
	t.Helper()
	tick := time.NewTicker(paymentEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
		raw, err := p.from.Call(token.Name, "transfer", &token.Transfer{To: p.to, Amount: ledger.NewAmount(1)}, time.Now().Add(9*time.Minute).UnixMilli())
		if err != nil {
			t.Error(err)
			return
		}
		for {
			tx, err := p.try(ctx, c, raw)
			if err == nil && tx.Code == ledger.CodeOK {
				p.mu.Lock()
				p.told = append(p.told, tx)
				p.mu.Unlock()
				p.acked[i].Add(1)
				break
			}
			p.tries.Add(1)
			if refused := (*client.Problem)(nil); err == nil || asProblem(err, &refused) && refused.Status < 500 && refused.Status != 429 {
				t.Errorf("a payment through node %d: %+v, %v", i+1, tx, err)
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				t.Errorf("a payment through node %d was not acknowledged: %v", i+1, err)
				return
			}
		}
	}
}

// try sends a payment once. A node that waits for an engine lets its clients wait
// with it; they need not.
func (p *payments) try(ctx context.Context, c *client.Client, raw []byte) (v1.Transaction, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return c.Submit(ctx, raw, client.Executed)
}

// more waits until so many more payments are acknowledged through each of the
// nodes.
func (p *payments) more(ctx context.Context, t *testing.T, count int64, nodes ...int) {
	t.Helper()
	var want [clusterNodes]int64
	for _, i := range nodes {
		want[i] = p.acked[i].Load() + count
	}
	p.network.until(ctx, t, fmt.Sprintf("%d more payments through nodes %v (counted from 0)", count, nodes), func() error {
		for _, i := range nodes {
			if have := p.acked[i].Load(); have < want[i] {
				return fmt.Errorf("node %d has acknowledged %d, want %d", i, have, want[i])
			}
		}
		return nil
	})
}

// settle ends the writers and wants every payment that was acknowledged on the
// ledger of all nodes, once, at the place that was told; and verify to find
// nothing.
func (p *payments) settle(ctx context.Context, t *testing.T) {
	t.Helper()
	close(p.stop)
	p.group.Wait()
	if t.Failed() {
		return
	}
	n := p.network
	places := map[string]bool{}
	for _, want := range p.told {
		got, err := n.clients[2].Transaction(ctx, want.ID)
		if err != nil || got.Position != want.Position || got.Code != ledger.CodeOK || places[got.Position] {
			t.Fatalf("payment %s, told to be %s at %s, is %s at %s, %v", want.ID.Short(), want.Code, want.Position, got.Code, got.Position, err)
		}
		places[got.Position] = true
	}
	paid, ok := p.before.Plus(ledger.NewAmount(uint64(len(p.told))))
	if !ok {
		t.Fatal("the balance overflows")
	}
	for i, c := range n.clients {
		n.until(ctx, t, fmt.Sprintf("all payments at node %d", i+1), func() error {
			account, err := c.Account(ctx, p.to)
			if err == nil && account.Balance.Cmp(paid) != 0 {
				err = fmt.Errorf("the payee has %s, want %s", account.Balance, paid)
			}
			return err
		})
	}
	head := n.settled(ctx, t)
	t.Logf("%d payments acknowledged, %d tries were not; height %d, header %s at all nodes", len(p.told), p.tries.Load(), head.Final, head.FinalHash)
	out, err := n.librum(ctx, "verify", "chain", "--server", n.url(t, 2), "--ca", n.of(2, "ca/ca.pem"),
		"--token-file", n.token(ctx, t, 2), "--genesis", n.digest, "--json")
	if err != nil || !strings.Contains(out, `"verdict":"right"`) {
		t.Errorf("verify: %s, %v", out, err)
	}
}

// settled waits until nothing is open anywhere and returns the head that all nodes
// have.
func (n *network) settled(ctx context.Context, t *testing.T) v1.Status {
	t.Helper()
	return n.await(ctx, t, func(all []v1.Status) bool {
		for _, s := range all {
			if s.Height != all[0].Height || s.Final != s.Height || s.FinalHash != all[0].FinalHash || s.Diverged || !s.Signs || s.InFlight != 0 {
				return false
			}
		}
		return true
	}, 0, 1, 2, 3)
}

// until asks again and again for a condition.
func (n *network) until(ctx context.Context, t *testing.T, what string, condition func() error) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s: %v", what, err)
		}
	}
}

func (n *network) url(t testing.TB, i int) string {
	t.Helper()
	return strings.TrimSpace(n.read(t, fmt.Sprintf("org-%d/url", i+1)))
}

// token returns the file with a token of an organisation's operator, and makes it
// where there is none.
func (n *network) token(ctx context.Context, t *testing.T, i int) string {
	t.Helper()
	path := n.of(i, "reader-token")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if out, err := n.librum(ctx, "identity", "token", "create", "--genesis", n.digest, "--server", n.url(t, i), "--ca", n.of(i, "ca/ca.pem"),
		"--identity", n.of(i, "node/members/operator-key"), "--token-out", path); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// librum runs a command and returns what it printed.
func (n *network) librum(ctx context.Context, args ...string) (string, error) {
	var out, errs strings.Builder
	cmd := exec.CommandContext(ctx, os.Getenv("LIBRUM_BIN"), args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("librum %s: %w: %s", args[0], err, errs.String())
	}
	return out.String(), err
}
