package node_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/chain/verify"
)

// crashes is how often TestCrash takes the power away in each of its runs.
var crashes = flag.Int("crashes", 5, "losses of power in each of the five runs of TestCrash")

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
// once when it is sent again, and all nodes have the same headers, those of a
// node that executes the log undisturbed.
func TestCrash(t *testing.T) {
	t.Parallel()
	const runs = 5
	for run := range uint64(runs) {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(run, 1))
			fs := vfs.NewCrashableMem()
			f := newFleet(t, options{fs: fs, blockTransactions: 3, extra: 1})
			all := &acknowledged{}
			for range *crashes {
				f, fs = crash(t, f, fs, rng, all)
			}
			f.start(0, 1, 2, 3)
			resend(f, all)
			f.start(4)
			checkAfterCrashes(f, all)
			f.close()
		})
	}
}

// crash runs the fleet under load until some transactions are acknowledged and
// returns it, down, over what a loss of power would leave of its files.
func crash(t *testing.T, f *fleet, fs *vfs.MemFS, rng *rand.Rand, all *acknowledged) (*fleet, *vfs.MemFS) {
	t.Helper()
	f.start(0, 1, 2, 3)
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
		for i, m := range f.members {
			if m.node == nil {
				continue
			}
			got, ok, err := m.node.Outcome(f.Context(), want.ID)
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

// failpoints tells where a node stands between the door and its promise.
type failpoints struct {
	self ledger.ID
	hit  func(point string, height uint64) // 0: of the log
}

// failingLog is a log that tells before and after each step.
type failingLog struct {
	order.Log
	failpoints
}

func (l *failingLog) Append(ctx context.Context, raw []byte) (uint64, error) {
	if !holdsTransactions(raw) {
		return l.Log.Append(ctx, raw)
	}
	l.hit("before append", 0)
	offset, err := l.Log.Append(ctx, raw)
	l.hit("appended", 0)
	return offset, err
}

func (l *failingLog) Read(ctx context.Context, from uint64, most int) ([]order.Entry, error) {
	entries, err := l.Log.Read(ctx, from, most)
	for _, e := range entries {
		if holdsTransactions(e.Bytes) {
			l.hit("read", 0)
		}
	}
	return entries, err
}

func holdsTransactions(raw []byte) bool {
	r, _, err := ledger.ParseRecord(raw)
	return err == nil && r.Kind == ledger.RecordTransactions
}

// failingStore is a store that does.
type failingStore struct {
	store.Store
	failpoints
}

func (s *failingStore) Apply(ctx context.Context, c *store.Commit) error {
	s.hit("before apply", c.Height)
	err := s.Store.Apply(ctx, c)
	s.hit("applied", c.Height)
	return err
}

func (s *failingStore) PutSignature(ctx context.Context, h ledger.HeaderSignature) error {
	before, after := "before keeping", "kept"
	if h.Node == s.self {
		before, after = "before signing", "signed"
	}
	s.hit(before, h.Height)
	err := s.Store.PutSignature(ctx, h)
	s.hit(after, h.Height)
	return err
}

// TestCrashAtFailpoints takes the power away at every step from the order to
// the store: around the append at the node that has the transaction, around
// the rest at another. The chain goes on after, with what was promised.
func TestCrashAtFailpoints(t *testing.T) {
	t.Parallel()
	for point, at := range map[string]int{
		"before append": 0, "appended": 0,
		"read": 1, "before apply": 1, "applied": 1, "before signing": 1, "signed": 1, "before keeping": 1, "kept": 1,
	} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			fs := vfs.NewCrashableMem()
			var armed atomic.Bool
			var once sync.Once
			clone := make(chan *vfs.MemFS, 1)
			points := func(i int) failpoints {
				return failpoints{self: aplostest.NodeID(i), hit: func(reached string, height uint64) {
					if i == at && reached == point && height != 1 && armed.Load() {
						once.Do(func() { clone <- fs.CrashClone(vfs.CrashCloneCfg{}) })
					}
				}}
			}
			f := newFleet(t, options{
				fs: fs, extra: 1,
				wrapLog:   func(i int, l order.Log) order.Log { return &failingLog{l, points(i)} },
				wrapStore: func(i int, s store.Store) store.Store { return &failingStore{s, points(i)} },
			})
			f.start(0, 1, 2, 3)
			first := f.submit(0, f.transfer(0, 1, 1))[0]
			f.final(first.Position)
			armed.Store(true)
			raw := f.transfer(0, 1, 2)
			second := f.submit(0, raw)[0]
			f.final(second.Position)
			f.close()
			g := f.on(<-clone)
			g.start(0, 1, 2, 3)
			defer g.close()
			promised := []node.Outcome{first}
			if point != "before append" { // nobody can have been told before
				promised = append(promised, second)
			}
			checkAcknowledged(g, promised)
			g.final(g.submit(2, raw)[0].Position) // a client that does not know sends it again
			g.final(g.submit(1, g.transfer(0, 1, 3))[0].Position)
			g.start(4) // it executes the log undisturbed
			last := g.submit(3, g.transfer(0, 1, 4))[0]
			g.final(last.Position)
			if height := g.sameHeaders(); height < 3 {
				t.Errorf("height %d after the crash", height)
			}
			for i := range g.members {
				got, err := token.Balance(g.node(i).State(g.Context()), g.chain.Account(1))
				if err != nil || got.Cmp(ledger.NewAmount(aplostest.Balance+10)) != 0 {
					t.Errorf("node %d: balance %s, %v", i, got, err)
				}
			}
		})
	}
}
