package node_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/store"
)

// slow is a store that answers for the header of the first block when it is let.
type slow struct {
	store.Store
	let  chan struct{}
	asks *atomic.Int64
}

func (s *slow) Header(ctx context.Context, height uint64) ([]byte, error) {
	if height == 1 {
		s.asks.Add(1)
		select {
		case <-s.let:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return s.Store.Header(ctx, height)
}

// TestPullsHoldUpNothing floods a node with questions for a height that only its
// store knows, while that does not answer: blocks go on, few of the questions wait
// and the others are refused, and those that waited are answered at last.
func TestPullsHoldUpNothing(t *testing.T) {
	t.Parallel()
	let := make(chan struct{})
	open := sync.OnceFunc(func() { close(let) })
	var asks atomic.Int64
	f := newFleet(t, options{nodes: 1, blockTransactions: 1, wrapStore: func(_ int, s store.Store) store.Store {
		return &slow{Store: s, let: let, asks: &asks}
	}})
	f.start()
	defer f.close()
	defer open()
	for range lokka.Window + 2 { // from there on the group does not know the first block
		f.final(f.submit(0, f.transfer(0, 1, 1))[0].Position)
	}
	const questions = 5_000
	var answered, refused atomic.Int64
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	var flood sync.WaitGroup
	ask := func(ctx context.Context) {
		header, _, err := f.node(0).Answer(ctx, 1)
		switch {
		case err == nil && len(header) > 0:
			answered.Add(1)
		case errors.Is(err, node.ErrBusy), ctx.Err() != nil && errors.Is(err, context.Canceled):
			refused.Add(1)
		default:
			t.Errorf("header %x, error %v", header, err)
		}
	}
	for range questions / 2 {
		flood.Go(func() { ask(ctx) })
		flood.Go(func() { ask(t.Context()) })
	}
	f.eventually("the store to be asked", func() bool { return asks.Load() > 0 })
	var last ledger.Position
	for range 20 {
		last = f.submit(0, f.transfer(0, 1, 1))[0].Position
	}
	f.final(last)
	waiting := func() (length, bound int) {
		for _, q := range f.node(0).Queues() {
			if q.Name == "old_pulls" {
				return q.Length, q.Bound
			}
		}
		return 0, 0
	}
	f.eventually("all questions to wait or to be refused", func() bool {
		n, _ := waiting()
		return int(refused.Load())+n >= questions-8 // few are being read
	})
	if n, bound := waiting(); n > bound || bound == 0 || bound > 1_024 {
		t.Errorf("%d questions wait, the bound is %d", n, bound)
	}
	giveUp()
	f.eventually("those that gave up to be gone", func() bool { return refused.Load() >= questions/2 })
	open()
	flood.Wait()
	if answered.Load() == 0 || answered.Load()+refused.Load() != questions {
		t.Errorf("%d were answered, %d refused", answered.Load(), refused.Load())
	}
}
