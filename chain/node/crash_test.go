package node_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/chain/verify"
)

// acknowledged is what clients were told before a crash.
type acknowledged struct {
	mu       sync.Mutex
	sent     [][]byte
	outcomes []node.Outcome
	reached  chan struct{} // closed when limit are told
	limit    int
}

func (a *acknowledged) send(raw []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent = append(a.sent, raw)
}

func (a *acknowledged) told(o node.Outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.outcomes = append(a.outcomes, o); len(a.outcomes) == a.limit {
		close(a.reached)
	}
}

func (a *acknowledged) snapshot() []node.Outcome {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]node.Outcome(nil), a.outcomes...)
}

// TestCrash takes the power away at a random moment, again and again: what a
// client was told holds afterwards at every node, what it was not told happens
// once when it is sent again, and all nodes have the same headers.
func TestCrash(t *testing.T) {
	t.Parallel()
	const runs, crashesPerRun = 5, 5
	for run := range uint64(runs) {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(run, 1))
			fs := vfs.NewCrashableMem()
			f := newFleet(t, options{fs: fs, blockTransactions: 3})
			all := &acknowledged{}
			for range crashesPerRun {
				f, fs = crash(t, f, fs, rng, all)
			}
			f.start()
			resend(f, all)
			checkAfterCrashes(f, all)
			f.close()
		})
	}
}

// crash runs the fleet under load until some transactions are acknowledged and
// returns it, down, over what a loss of power would leave of its files.
func crash(t *testing.T, f *fleet, fs *vfs.MemFS, rng *rand.Rand, all *acknowledged) (*fleet, *vfs.MemFS) {
	t.Helper()
	f.start()
	resend(f, all) // what was open at the last crash
	checkAcknowledged(f, all.snapshot())
	all.limit, all.reached = len(all.outcomes)+1+rng.IntN(25), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var clients sync.WaitGroup
	for client := range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				raw := f.transfer(client, (client+1)%4, 1)
				all.send(raw)
				outcomes, err := f.node(client).Submit(ctx, [][]byte{raw})
				if err != nil {
					return
				}
				all.told(outcomes[0])
			}
		})
	}
	<-all.reached
	// All that was told before the clone must be in it.
	before := all.snapshot()
	clone := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
	cancel()
	clients.Wait()
	f.close()
	all.outcomes = before
	return f.on(clone), clone
}

// resend sends all again that was ever sent; the sender can't know better.
func resend(f *fleet, all *acknowledged) {
	f.Helper()
	if len(all.sent) > 0 {
		for i, o := range f.submit(0, all.sent...) {
			if !o.Executed {
				f.Fatalf("transaction %d: %+v", i, o)
			}
		}
	}
}

func checkAcknowledged(f *fleet, outcomes []node.Outcome) {
	f.Helper()
	for _, want := range outcomes {
		f.executed(want.Position)
		for i := range f.members {
			got, ok, err := f.node(i).Outcome(f.Context(), want.ID)
			if err != nil || !ok || got.Position != want.Position || got.Code != want.Code {
				f.Fatalf("node %d: transaction %s, told to be %s at %s, is %s at %s, known %t, %v",
					i, want.ID.Short(), want.Code, want.Position, got.Code, got.Position, ok, err)
			}
		}
	}
}

// checkAfterCrashes checks that each transaction took effect once.
func checkAfterCrashes(f *fleet, all *acknowledged) {
	f.Helper()
	checkAcknowledged(f, all.snapshot())
	sent := [4]int{}
	for _, raw := range all.sent {
		tx, _, err := ledger.ParseTransaction(raw)
		if err != nil {
			f.Fatal(err)
		}
		for account := range sent {
			if tx.Sender == f.chain.Account(account) {
				sent[account]++
			}
		}
	}
	last := f.submit(1, f.transfer(0, 0, 0))[0].Position
	f.final(last)
	for i := range f.members {
		for account := range sent {
			want := aplostest.Balance - sent[account] + sent[(account+3)%4]
			got, err := token.Balance(f.node(i).State(f.Context()), f.chain.Account(account))
			if err != nil || got.String() != fmt.Sprint(want) {
				f.Errorf("node %d: account %d has %s, %v, want %d", i, account, got, err, want)
			}
		}
	}
	f.sameHeaders()
	f.stop()
	for i := range f.members {
		f.verify(i)
	}
}

// verify checks the store of a node that is down.
func (f *fleet) verify(i int) {
	f.Helper()
	s, err := pebble.Open(f.storeDir(i), pebble.Options{FS: f.fs, Chain: f.chain.ID, Node: aplostest.NodeID(i), ReadOnly: true})
	if err != nil {
		f.Fatal(err)
	}
	report, _, err := verify.Chain(f.Context(), verify.Input{
		Store: s, Genesis: f.chain.File, Contracts: aplostest.Contracts(), Verify: identity.Verify,
	})
	if err != nil || report.Verdict != verify.Right {
		f.Errorf("node %d: %s, %v, %v", i, report.Verdict, report.First, err)
	}
	if err := s.Close(); err != nil {
		f.Error(err)
	}
}

// failpoint is a store that tells when a node is about to sign, and when it
// has stored its signature.
type failpoint struct {
	store.Store
	self ledger.ID
	hit  func(point string, height uint64)
}

func (p *failpoint) Apply(ctx context.Context, c *store.Commit) error {
	p.hit("before apply", c.Height)
	err := p.Store.Apply(ctx, c)
	p.hit("applied", c.Height)
	return err
}

func (p *failpoint) PutSignature(ctx context.Context, s ledger.HeaderSignature) error {
	if s.Node == p.self {
		p.hit("before signing", s.Height)
	}
	err := p.Store.PutSignature(ctx, s)
	if s.Node == p.self {
		p.hit("signed", s.Height)
	}
	return err
}

// TestCrashAtFailpoints takes the power away between a block's storing, its
// signing and the sending of the signature. The chain goes on after.
func TestCrashAtFailpoints(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"before apply", "applied", "before signing", "signed"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			fs := vfs.NewCrashableMem()
			var once sync.Once
			clone := make(chan *vfs.MemFS, 1)
			f := newFleet(t, options{fs: fs, wrapStore: func(i int, s store.Store) store.Store {
				return &failpoint{Store: s, self: aplostest.NodeID(i), hit: func(at string, height uint64) {
					if i == 1 && at == point && height == 2 {
						once.Do(func() { clone <- fs.CrashClone(vfs.CrashCloneCfg{}) })
					}
				}}
			}})
			f.start()
			first := f.submit(0, f.transfer(0, 1, 1))[0]
			f.final(first.Position)
			raw := f.transfer(0, 1, 2)
			second := f.submit(0, raw)[0]
			f.final(second.Position)
			f.close()
			g := f.on(<-clone)
			g.start()
			defer g.close()
			checkAcknowledged(g, []node.Outcome{first, second})
			g.final(second.Position)
			g.final(g.submit(1, g.transfer(0, 1, 3))[0].Position)
			if height := g.sameHeaders(); height < 3 {
				t.Errorf("height %d after the crash", height)
			}
			got, err := token.Balance(g.node(1).State(g.Context()), g.chain.Account(1))
			if err != nil || got.Cmp(ledger.NewAmount(aplostest.Balance+6)) != 0 {
				t.Errorf("balance %s, %v", got, err)
			}
		})
	}
}
