package node_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
)

// operations is how many each of TestLinearizable's clients does.
var operations = flag.Int("operations", 25, "operations of each client of TestLinearizable")

// balances is the sequential twin: who has what.
type balances [4]uint64

// operation is a transfer, or a read of an account where the amount is zero.
type operation struct {
	from, to int
	amount   uint64
}

// answered is what a client was told: whether the transfer took effect, or the
// balance.
type answered struct {
	ok      bool
	balance string
}

// bank is what all nodes together must look like.
func bank() porcupine.Model {
	return porcupine.Model{
		Init: func() any {
			return balances{aplostest.Balance, aplostest.Balance, aplostest.Balance, aplostest.Balance}
		},
		Step: func(state, input, output any) (bool, any) {
			b, in, out := state.(balances), input.(operation), output.(answered)
			if in.amount == 0 {
				return out.balance == fmt.Sprint(b[in.from]), b
			}
			if b[in.from] < in.amount {
				return !out.ok, b
			}
			b[in.from] -= in.amount
			b[in.to] += in.amount
			return out.ok, b
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
	}
}

// TestLinearizable lets clients transfer and read through all nodes at once
// while one node after the other is restarted, records what they ask and what
// they are told, and looks for one order that explains it all.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	const clients = 6
	f := &restarting{fleet: newFleet(t, options{blockTransactions: 4})}
	f.start()
	defer f.close()
	began := time.Now()
	histories := make([][]porcupine.Operation, clients)
	group, ctx := errgroup.WithContext(t.Context())
	for c := range clients {
		random := rand.New(rand.NewPCG(uint64(c), 7))
		group.Go(func() error {
			for range *operations {
				in := operation{from: random.IntN(4), to: random.IntN(4)}
				if random.IntN(2) == 0 {
					in.amount = 1 + random.Uint64N(aplostest.Balance)
				}
				call := time.Since(began)
				out, err := f.do(ctx, random, in)
				if err != nil {
					return fmt.Errorf("client %d: %+v: %w", c, in, err)
				}
				histories[c] = append(histories[c], porcupine.Operation{
					ClientId: c, Input: in, Call: int64(call), Output: out, Return: int64(time.Since(began)),
				})
			}
			return nil
		})
	}
	stop := make(chan struct{})
	var restarts sync.WaitGroup
	restarts.Go(func() { f.restartInTurn(stop) })
	err := group.Wait()
	close(stop)
	restarts.Wait()
	if err != nil {
		t.Fatal(err)
	}
	history := slices.Concat(histories...)
	t.Logf("%d operations, %d restarts, %d repeats after a restart", len(history), f.restarts, f.repeats())
	if f.restarts == 0 {
		t.Error("no node was restarted meanwhile")
	}
	if r := porcupine.CheckOperationsTimeout(bank(), history, time.Minute); r != porcupine.Ok {
		t.Errorf("the history of %d operations is %s", len(history), r)
	}
	if r := porcupine.CheckOperationsTimeout(bank(), f.spoiled(history), time.Minute); r != porcupine.Illegal {
		t.Errorf("with one stale answer more the history is %s: the check finds nothing", r)
	}
	f.sameHeaders()
}

// spoiled returns the history with one more read at its end, which tells what
// an account had at first and has no longer.
func (f *restarting) spoiled(history []porcupine.Operation) []porcupine.Operation {
	f.Helper()
	const first = "1000000"
	end := int64(0)
	for _, o := range history {
		end = max(end, o.Return)
	}
	for account := range 4 {
		b, err := token.Balance(f.node(0).State(f.Context()), f.chain.Account(account))
		if err != nil {
			f.Fatal(err)
		}
		if b.String() != first {
			return append(slices.Clone(history), porcupine.Operation{
				Input: operation{from: account}, Output: answered{balance: first}, Call: end + 1, Return: end + 2,
			})
		}
	}
	f.Fatal("all accounts have what they began with")
	return nil
}

// restarting is a fleet whose nodes restart while clients use them.
type restarting struct {
	*fleet
	inUse    [4]sync.RWMutex
	restarts int

	mu     sync.Mutex
	repeat int
}

func (f *restarting) repeats() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.repeat
}

// do asks nodes until one answers. A transfer that is sent again, to another
// node, is the same transfer.
func (f *restarting) do(ctx context.Context, random *rand.Rand, in operation) (answered, error) {
	var raw []byte
	if in.amount != 0 {
		raw = f.transfer(in.from, in.to, in.amount)
	}
	for {
		out, err := f.ask(ctx, random.IntN(4), in, raw)
		if !errors.Is(err, node.ErrStopped) {
			return out, err
		}
		f.mu.Lock()
		f.repeat++
		f.mu.Unlock()
	}
}

func (f *restarting) ask(ctx context.Context, i int, in operation, raw []byte) (answered, error) {
	f.inUse[i].RLock()
	defer f.inUse[i].RUnlock()
	n := f.node(i)
	if raw != nil {
		outcomes, err := n.Submit(ctx, [][]byte{raw})
		if err != nil {
			return answered{}, err
		}
		switch o := outcomes[0]; o.Code {
		case ledger.CodeOK, token.CodeInsufficientFunds:
			return answered{ok: o.Code == ledger.CodeOK}, nil
		default:
			return answered{}, fmt.Errorf("refused as %s: %s", o.Code, o.Detail)
		}
	}
	// As the door reads with consistency=linearizable.
	end, err := n.LogEnd(ctx)
	if err != nil {
		return answered{}, err
	}
	if _, err := n.Await(ctx, func(s node.Status) bool { return s.Next >= end }); err != nil {
		return answered{}, err
	}
	b, err := token.Balance(n.State(ctx), f.chain.Account(in.from))
	return answered{balance: b.String()}, err
}

// restartInTurn stops a node under its clients and starts it again, one after
// the other.
func (f *restarting) restartInTurn(stop <-chan struct{}) {
	for i := 0; ; i = (i + 1) % 4 {
		select {
		case <-stop:
			return
		default:
		}
		m := f.members[i]
		m.stop() // those who wait for it learn of it
		err := <-m.done
		f.inUse[i].Lock()
		m.done <- nil // for halt, which closes the rest
		err = errors.Join(err, f.halt(i), f.startOne(i))
		f.inUse[i].Unlock()
		if err != nil {
			f.Errorf("restart node %d: %v", i, err)
			return
		}
		f.restarts++
	}
}
