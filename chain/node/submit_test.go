package node_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order"
)

// TestDuplicates sends the same transactions to all nodes at once, many times:
// each takes effect once and everyone is told the same.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{})
	f.start()
	defer f.close()
	const count = 10
	raw := make([][]byte, count)
	for i := range raw {
		raw[i] = f.transfer(i%4, (i+1)%4, 10)
	}
	raw = append(raw, raw[0]) // and twice in one call
	var mu sync.Mutex
	told := map[ledger.Digest]node.Outcome{}
	var clients sync.WaitGroup
	for i := range 16 {
		clients.Go(func() {
			outcomes, err := f.node(i%4).Submit(t.Context(), raw)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for _, o := range outcomes {
				first, ok := told[o.ID]
				if !ok {
					told[o.ID] = o
				} else if o.Position != first.Position || o.Code != first.Code {
					t.Errorf("transaction %s: told %s %s and %s %s", o.ID.Short(), o.Position, o.Code, first.Position, first.Code)
				}
			}
		})
	}
	clients.Wait()
	if len(told) != count {
		t.Errorf("%d transactions, want %d", len(told), count)
	}
	var last ledger.Position
	for _, o := range told {
		if o.Code != ledger.CodeOK || !o.Executed {
			t.Errorf("outcome %+v", o)
		}
		if last.Less(o.Position) {
			last = o.Position
		}
	}
	f.executed(last)
	for i := range 4 {
		// Ten transfers over four accounts: 0 and 1 send three, 1 and 2 get three.
		for account, want := range []uint64{aplostest.Balance - 10, aplostest.Balance, aplostest.Balance + 10, aplostest.Balance} {
			got, err := token.Balance(f.node(i).State(f.Context()), f.chain.Account(account))
			if err != nil || got.Cmp(ledger.NewAmount(want)) != 0 {
				t.Errorf("node %d: account %d has %s, %v, want %d", i, account, got, err, want)
			}
		}
	}
	f.sameHeaders()
}

// TestFirstOutcomeOutlivesExpiry: who asks again once a transaction has expired,
// because no answer came, must not be told that it did nothing.
func TestFirstOutcomeOutlivesExpiry(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{frozen: true})
	f.start()
	defer f.close()
	expiry := f.clock.now().Add(30 * time.Second).UnixMilli()
	raw, never := f.chain.Transfer(0, 1, 5, f.nonce.Add(1), expiry), f.chain.Transfer(0, 1, 5, f.nonce.Add(1), expiry)
	first := f.submit(0, raw)[0]
	f.clock.advance(time.Minute)
	outcomes, err := f.node(1).Submit(t.Context(), [][]byte{raw, never})
	if err != nil {
		t.Fatal(err)
	}
	if o := outcomes[0]; !o.Executed || o.Code != ledger.CodeOK || o.Position != first.Position {
		t.Errorf("executed before: %+v, want %+v", o, first)
	}
	if o := outcomes[1]; o.Executed || o.Code != contract.CodeExpired {
		t.Errorf("never sent before: %+v", o)
	}
}

// gate is a log whose appends wait until it is opened.
type gate struct {
	order.Log
	open chan struct{}
}

func (g *gate) Append(ctx context.Context, record []byte) (uint64, error) {
	select {
	case <-g.open:
		return g.Log.Append(ctx, record)
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// gated returns a fleet of one node whose log is held until the channel is
// closed.
func gated(t *testing.T, o options) (*fleet, chan struct{}) {
	t.Helper()
	open := make(chan struct{})
	o.nodes, o.frozen = 1, true
	o.wrapLog = func(_ int, l order.Log) order.Log { return &gate{Log: l, open: open} }
	f := newFleet(t, o)
	f.start()
	return f, open
}

// TestWindow fills the window: each member may have a quarter of it.
func TestWindow(t *testing.T) {
	t.Parallel()
	f, open := gated(t, options{accounts: 5, window: 8})
	defer f.close()
	// A batch that does not fit is refused whole: no part of it executes.
	whole := [][]byte{f.transfer(0, 4, 1), f.transfer(0, 4, 2), f.transfer(0, 4, 3)}
	if _, err := f.node(0).Submit(t.Context(), whole); !errors.Is(err, node.ErrBusy) || f.node(0).InFlight() != 0 {
		t.Errorf("three of a share of two: error %v and %d under way, want %v and none", err, f.node(0).InFlight(), node.ErrBusy)
	}
	var waiting sync.WaitGroup
	for account := range 4 {
		waiting.Go(func() {
			outcomes, err := f.node(0).Submit(t.Context(), [][]byte{f.transfer(account, 4, 1), f.transfer(account, 4, 2)})
			if err != nil || len(outcomes) != 2 || outcomes[0].Code != ledger.CodeOK || outcomes[1].Code != ledger.CodeOK {
				t.Errorf("account %d: %+v, %v", account, outcomes, err)
			}
		})
		f.eventually("a member's share to fill", func() bool { return f.node(0).InFlight() == 2*(account+1) })
		if account == 0 {
			if _, err := f.node(0).Submit(t.Context(), [][]byte{f.transfer(0, 4, 3)}); !errors.Is(err, node.ErrBusy) {
				t.Errorf("a member's third of a share of two: error %v, want %v", err, node.ErrBusy)
			}
		}
	}
	if _, err := f.node(0).Submit(t.Context(), [][]byte{f.transfer(4, 0, 1)}); !errors.Is(err, node.ErrBusy) {
		t.Errorf("the ninth of a window of eight: error %v, want %v", err, node.ErrBusy)
	}
	close(open)
	waiting.Wait()
	if n := f.node(0).InFlight(); n != 0 {
		t.Errorf("%d are under way after all were executed", n)
	}
	f.submit(0, f.transfer(4, 0, 1))
}

// TestWindowOfCopies lets a node's appends stall while another node executes what
// the first let in: the window is free then, but the door is full of copies. Who
// comes next is told so at once, and may come again once the log takes records.
func TestWindowOfCopies(t *testing.T) {
	t.Parallel()
	open := make(chan struct{})
	f := newFleet(t, options{nodes: 2, accounts: 10, window: 4, wrapLog: func(i int, l order.Log) order.Log {
		if i != 0 {
			return l
		}
		return &gate{Log: l, open: open}
	}})
	f.start()
	defer f.close()
	length := func() int { return f.node(0).Queues()[0].Length } // of the door
	for account := range 5 {
		raw := f.transfer(account, 9, 1)
		sent := make(chan error, 1)
		go func() {
			_, err := f.node(0).Submit(t.Context(), [][]byte{raw})
			sent <- err
		}()
		f.eventually("the transaction at the door", func() bool { return f.node(0).InFlight() == 1 && length() == account })
		f.executed(f.submit(1, raw)[0].Position)
		if err := <-sent; err != nil {
			t.Fatalf("account %d: %v", account, err)
		}
	}
	late := f.transfer(6, 9, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := f.node(0).Submit(ctx, [][]byte{late}); !errors.Is(err, node.ErrBusy) || f.node(0).InFlight() != 0 {
		t.Errorf("at a full door: error %v with %d under way, want %v and none", err, f.node(0).InFlight(), node.ErrBusy)
	}
	close(open)
	f.eventually("the door to be empty", func() bool { return length() == 0 })
	f.submit(0, late)
}

// TestGivenUpSubmission ends a client's wait; its transaction executes all the
// same, and asking again tells how it ended.
func TestGivenUpSubmission(t *testing.T) {
	t.Parallel()
	f, open := gated(t, options{})
	defer f.close()
	raw := f.transfer(0, 1, 5)
	ctx, cancel := context.WithCancel(t.Context())
	given := make(chan error, 1)
	go func() {
		_, err := f.node(0).Submit(ctx, [][]byte{raw})
		given <- err
	}()
	f.eventually("the transaction to be let in", func() bool { return f.node(0).InFlight() == 1 })
	cancel()
	if err := <-given; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	close(open)
	f.submit(0, raw)
}

// TestForgedCopyDoesNotAnswer lets another node put a copy with a broken
// signature on the log before the true one: the client hears of its own.
func TestForgedCopyDoesNotAnswer(t *testing.T) {
	t.Parallel()
	open := make(chan struct{})
	f := newFleet(t, options{nodes: 2, frozen: true, wrapLog: func(i int, l order.Log) order.Log {
		if i == 0 {
			return &gate{Log: l, open: open}
		}
		return l
	}})
	f.start()
	defer f.close()
	raw := f.transfer(0, 1, 5)
	forged := slices.Clone(raw)
	forged[len(forged)-1] ^= 1
	told := make(chan []node.Outcome, 1)
	go func() {
		outcomes, err := f.node(0).Submit(t.Context(), [][]byte{raw})
		if err != nil {
			t.Error(err)
		}
		told <- outcomes
	}()
	f.eventually("the transaction to be let in", func() bool { return f.node(0).InFlight() == 1 })
	record := f.chain.Record(1, ledger.Record{
		Kind: ledger.RecordTransactions, Time: f.clock.now().UnixMilli(), Transactions: [][]byte{forged},
	})
	offset, err := f.log.Append(t.Context(), record)
	if err != nil {
		t.Fatal(err)
	}
	f.executed(ledger.Position{Offset: offset})
	close(open)
	if o := <-told; len(o) != 1 || o[0].Code != ledger.CodeOK || o[0].Position.Offset <= offset {
		t.Errorf("told %+v", o)
	}
	outcomes, err := f.node(1).Submit(t.Context(), [][]byte{forged, raw})
	if err != nil || outcomes[1].Code != ledger.CodeOK {
		t.Errorf("sent again: %+v, %v", outcomes, err)
	}
}

// TestRefusedAtDoor checks that rubbish never reaches the log.
func TestRefusedAtDoor(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{nodes: 1, frozen: true})
	f.start()
	defer f.close()
	good := f.chain.Transaction(0, 1, 1, 1, f.clock.now().Add(time.Minute).UnixMilli())
	with := func(change func(*ledger.Transaction)) []byte {
		t := good
		change(&t)
		return f.chain.Sign(t, aplostest.AccountKey(0))
	}
	forged := f.chain.Sign(good, aplostest.AccountKey(0))
	forged[len(forged)-1] ^= 1
	raw := [][]byte{
		[]byte("rubbish"),
		with(func(t *ledger.Transaction) { t.Chain[0]++ }),
		with(func(t *ledger.Transaction) { t.Expiry -= 120_000 }),
		with(func(t *ledger.Transaction) { t.Expiry += 3_600_000 }),
		with(func(t *ledger.Transaction) { t.Sender = aplostest.Stranger(0) }),
		f.chain.Sign(good, aplostest.AccountKey(1)),
		forged,
	}
	want := []ledger.Code{
		contract.CodeMalformed, contract.CodeWrongChain, contract.CodeExpired, contract.CodeExpiryTooFar,
		contract.CodeUnknownSender, contract.CodeUnknownKey, contract.CodeBadSignature,
	}
	outcomes, err := f.node(0).Submit(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range outcomes {
		if o.Executed || o.Code != want[i] || o.Detail == "" {
			t.Errorf("%d: %+v, want %s", i, o, want[i])
		}
	}
	if end, err := f.log.End(t.Context()); err != nil || end != 0 {
		t.Errorf("the log has %d records, %v", end, err)
	}
	if o, err := f.node(0).Submit(t.Context(), nil); err != nil || len(o) != 0 {
		t.Errorf("nothing submitted: %+v, %v", o, err)
	}
}

// TestStoppedNode answers at once.
func TestStoppedNode(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{nodes: 1})
	f.start()
	n := f.node(0)
	raw := f.transfer(0, 1, 1)
	p := f.submit(0, f.transfer(0, 1, 2))[0].Position
	f.close()
	if _, err := n.Submit(t.Context(), [][]byte{raw}); err == nil {
		t.Error("a stopped node took a transaction")
	}
	past := ledger.Position{Offset: p.Offset + 1000}
	if err := n.AwaitFinal(t.Context(), past); !errors.Is(err, node.ErrStopped) {
		t.Errorf("AwaitFinal: %v", err)
	}
	if err := n.Wake(t.Context(), time.Now().Add(time.Hour).UnixMilli()); !errors.Is(err, node.ErrStopped) {
		t.Errorf("Wake: %v", err)
	}
}

// TestOutsider follows without a place in the group, or without the key in force:
// it takes no transactions, since every node would skip what it appends.
func TestOutsider(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*node.Config){
		"not in the group": func(c *node.Config) { c.Self = aplostest.NodeID(9) },
		"another key":      func(c *node.Config) { c.Key = aplostest.NodeKey(9) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, options{nodes: 1, extra: 1, config: func(i int, c *node.Config) {
				if i == 1 {
					change(c)
				}
			}})
			f.start()
			defer f.close()
			last := f.submit(0, f.transfer(0, 1, 1))[0].Position
			f.final(last)
			if s := f.node(1).Status(); s.Signs || s.Skipped != 0 {
				t.Errorf("the outsider stands at %+v", s)
			}
			if _, err := f.node(1).Submit(t.Context(), [][]byte{f.transfer(0, 1, 1)}); !errors.Is(err, node.ErrOutside) {
				t.Errorf("the outsider takes a transaction: %v", err)
			}
			f.sameHeaders()
		})
	}
}
