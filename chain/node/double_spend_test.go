package node_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
)

// pairs is how many double spends TestDoubleSpends tries.
var pairs = flag.Int("pairs", 60, "double spends that TestDoubleSpends tries")

// TestDoubleSpends has every account spend all it has twice, through two nodes
// at once, and a third time once the block is final: one of them wins, the same
// at every node.
func TestDoubleSpends(t *testing.T) {
	t.Parallel()
	count := *pairs
	f := newFleet(t, options{accounts: count + 3}) // the last three are paid
	f.start()
	defer f.close()
	random := rand.New(rand.NewPCG(5, 6))
	var outcomes [3][]node.Outcome
	for payee := range outcomes {
		outcomes[payee] = make([]node.Outcome, count)
	}
	// spend has some accounts spend all they have through the payee's node.
	spend := func(ctx context.Context, payee, start, end int) error {
		raw := make([][]byte, 0, end-start) // signed now: they expire
		for i := start; i < end; i++ {
			raw = append(raw, f.transfer(i, count+payee, aplostest.Balance))
		}
		got, err := f.node(payee).Submit(ctx, raw)
		copy(outcomes[payee][start:end], got)
		return err
	}
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(8)
	for start := 0; start < count; start += 5 {
		end := min(start+5, count)
		racers := []func() error{
			func() error { return spend(ctx, 0, start, end) },
			func() error { return spend(ctx, 1, start, end) },
		}
		random.Shuffle(2, func(i, j int) { racers[i], racers[j] = racers[j], racers[i] })
		group.Go(racers[0])
		group.Go(racers[1])
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	last := ledger.Position{}
	for _, list := range outcomes[:2] {
		for _, o := range list {
			if o.Position.Offset > last.Offset {
				last = o.Position
			}
		}
	}
	f.final(last)
	for start := 0; start < count; start += 500 {
		if err := spend(t.Context(), 2, start, min(start+500, count)); err != nil {
			t.Fatal(err)
		}
	}
	final := f.submit(3, f.transfer(count, count, 0))[0].Position // all are executed everywhere then
	f.final(final)

	var won [3]uint64
	for i := range count {
		for payee := range won {
			switch o := outcomes[payee][i]; o.Code {
			case ledger.CodeOK:
				won[payee]++
			case token.CodeInsufficientFunds:
			default:
				t.Fatalf("account %d, payment %d: %s, %s", i, payee, o.Code, o.Detail)
			}
		}
		if a, b, c := outcomes[0][i].Code, outcomes[1][i].Code, outcomes[2][i].Code; (a == ledger.CodeOK) == (b == ledger.CodeOK) || c == ledger.CodeOK {
			t.Errorf("account %d: the payments ended as %s, %s and, after the block, %s; want the first or the second to win", i, a, b, c)
		}
	}
	t.Logf("of %d pairs %d were won by the first node's, %d by the second's", count, won[0], won[1])
	if won[0] == 0 || won[1] == 0 {
		t.Error("one node won them all: the spends were not concurrent")
	}
	for n := range f.members {
		for payee := range won {
			want := ledger.NewAmount(aplostest.Balance * (1 + won[payee]))
			if got, err := token.Balance(f.node(n).State(t.Context()), f.chain.Account(count+payee)); err != nil || got.Cmp(want) != 0 {
				t.Errorf("node %d: payee %d has %s, %v, want %s", n, payee, got, err, want)
			}
		}
		for i := range count {
			for payee := range won {
				want := outcomes[payee][i]
				got, ok, err := f.node(n).Outcome(t.Context(), want.ID)
				if err != nil || !ok || got.Code != want.Code || got.Position != want.Position {
					t.Fatalf("node %d: account %d's payment %d is %s at %s, known %t, %v; it was told to be %s at %s",
						n, i, payee, got.Code, got.Position, ok, err, want.Code, want.Position)
				}
			}
		}
	}
	f.sameHeaders()
}
