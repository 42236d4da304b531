package node_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
)

// TestFollow starts followers at random positions while blocks are executed,
// stored and dropped from memory: each sees every outcome from its position on
// once, in order.
func TestFollow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		f := newFleet(t, options{nodes: 1, blockTransactions: rapid.Uint32Range(1, 4).Draw(r, "limit")})
		f.start()
		defer f.close()
		batches := rapid.SliceOfN(rapid.IntRange(1, 5), 1, 15).Draw(r, "batches")
		froms := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) ledger.Position {
			return ledger.Position{
				Offset: rapid.Uint64Range(0, 20).Draw(r, "offset"),
				Index:  rapid.Uint32Range(0, 5).Draw(r, "index"),
			}
		}), 3, 3).Draw(r, "from")
		end := f.chain.Transfer(3, 3, 0, 1<<40, f.chain.Genesis.Time+60_000)
		_, envelope, err := ledger.ParseTransaction(end)
		if err != nil {
			r.Fatal(err)
		}
		last := envelope.ID(ledger.KindTransaction)
		seen := make([][]node.Outcome, len(froms))
		follow := func(i int, from ledger.Position) error {
			errEnd := errors.New("the last one")
			err := f.node(0).Follow(t.Context(), from, func(o node.Outcome) error {
				if seen[i] = append(seen[i], o); o.ID == last {
					return errEnd
				}
				return nil
			})
			if errors.Is(err, errEnd) {
				return nil
			}
			return err
		}
		var followers sync.WaitGroup
		for i, from := range froms {
			followers.Go(func() {
				if err := follow(i, from); err != nil {
					t.Error(err)
				}
			})
		}
		var want []node.Outcome
		for _, size := range batches {
			raw := make([][]byte, size)
			for i := range raw {
				raw[i] = f.transfer(i%3, 3, 1)
			}
			want = append(want, f.submit(0, raw...)...)
		}
		for range 21 { // so that the end lies behind every start
			want = append(want, f.submit(0, f.transfer(0, 1, 1))...)
		}
		want = append(want, f.submit(0, end)...)
		followers.Wait()
		for range 2 { // and one after the event, one after a restart, from the store
			seen, froms = append(seen, nil), append(froms, ledger.Position{})
			if err := follow(len(seen)-1, ledger.Position{}); err != nil {
				r.Fatal(err)
			}
			f.final(want[len(want)-1].Position)
			f.stop()
			f.start()
		}
		for i, from := range froms {
			expect := want
			for len(expect) > 0 && expect[0].Position.Less(from) {
				expect = expect[1:]
			}
			if len(seen[i]) != len(expect) {
				r.Fatalf("from %s: %d outcomes, want %d", from, len(seen[i]), len(expect))
			}
			for j, o := range seen[i] {
				if o.ID != expect[j].ID || o.Position != expect[j].Position || o.Code != expect[j].Code {
					r.Fatalf("from %s: outcome %d is %s at %s, want %s at %s", from, j, o.ID.Short(), o.Position, expect[j].ID.Short(), expect[j].Position)
				}
			}
		}
	})
}

func TestFollowEnds(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{nodes: 1})
	f.start()
	n := f.node(0)
	f.submit(0, f.transfer(0, 1, 1))
	ctx, cancel := context.WithCancel(t.Context())
	visited := make(chan struct{}, 1)
	done := make(chan error, 2)
	go func() {
		done <- n.Follow(ctx, ledger.Position{}, func(node.Outcome) error { visited <- struct{}{}; return nil })
	}()
	<-visited
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	go func() {
		done <- n.Follow(t.Context(), ledger.Position{}, func(node.Outcome) error { visited <- struct{}{}; return nil })
	}()
	<-visited
	f.close()
	if err := <-done; !errors.Is(err, node.ErrStopped) {
		t.Errorf("error %v, want %v", err, node.ErrStopped)
	}
}
