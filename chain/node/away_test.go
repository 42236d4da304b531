package node_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/store"
)

// leaving is a store that is away while told to: it keeps and tells nothing.
type leaving struct {
	store.Store
	away    *atomic.Bool
	refused *atomic.Int64
}

func (s *leaving) err() error {
	if s.away.Load() {
		s.refused.Add(1)
		return fmt.Errorf("ask the store: %w", store.ErrAway)
	}
	return nil
}

func (s *leaving) Apply(ctx context.Context, c *store.Commit) error {
	if err := s.err(); err != nil {
		return err
	}
	return s.Store.Apply(ctx, c)
}

func (s *leaving) PutSignature(ctx context.Context, sig ledger.HeaderSignature) error {
	if err := s.err(); err != nil {
		return err
	}
	return s.Store.PutSignature(ctx, sig)
}

func (s *leaving) Latest(ctx context.Context, key []byte) ([]byte, bool, error) {
	if err := s.err(); err != nil {
		return nil, false, err
	}
	return s.Store.Latest(ctx, key)
}

func (s *leaving) Block(ctx context.Context, height uint64) ([]byte, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.Block(ctx, height)
}

// TestStoreAway takes one node's store away under load and gives it back: the node
// waits, says so, and goes on; it lost nothing and signed what it was to sign.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	var refused atomic.Int64
	f := newFleet(t, options{blockTransactions: 1, accounts: 64, wrapStore: func(i int, s store.Store) store.Store {
		if i != 3 {
			return s
		}
		return &leaving{Store: s, away: &away, refused: &refused}
	}})
	f.start()
	defer f.close()
	f.final(f.submit(0, f.transfer(0, 1, 1))[0].Position)
	f.stop(3)
	f.start(3) // what it executed in this life it has in memory
	following, endFollowing := context.WithCancel(t.Context())
	followed := make(chan error, 1)
	var visited atomic.Int64
	away.Store(true) // who follows finds it so
	go func() {
		followed <- f.node(3).Follow(following, ledger.Position{}, func(node.Outcome) error {
			visited.Add(1)
			return nil
		})
	}()
	f.eventually("the follower asks for a block", func() bool { return refused.Load() > 3 })
	for round := range 3 {
		away.Store(true)
		before := refused.Load()
		var last ledger.Position
		for i := range 8 {
			last = f.submit(i%3, f.transfer(2+8*round+i, 1, 1))[0].Position
		}
		f.eventually("the node asks its store again", func() bool { return refused.Load() > before+3 })
		f.eventually("the node says that it waits", func() bool { return f.node(3).StoreWait() > 0 })
		if err := f.node(3).Status().Err; err != nil {
			t.Fatalf("the node stopped: %v", err)
		}
		away.Store(false)
		f.final(last)
	}
	f.eventually("all signatures of the node at all nodes", func() bool {
		for i := range 4 {
			for h := uint64(1); h <= f.node(3).Status().Final; h++ {
				_, signatures, err := f.node(i).Header(t.Context(), h)
				if err != nil || len(signatures) < 3 {
					return false
				}
			}
		}
		return true
	})
	f.eventually("the follower has seen all", func() bool { return visited.Load() == 1+3*8 })
	endFollowing()
	if err := <-followed; !errors.Is(err, context.Canceled) {
		t.Errorf("the follower ended with %v", err)
	}
	f.eventually("the node waits no more", func() bool { return f.node(3).StoreWait() < time.Minute })
	f.sameHeaders()
}

// refusing is a store that holds another own signature.
type refusing struct {
	store.Store
	self ledger.ID
}

func (s *refusing) PutSignature(ctx context.Context, sig ledger.HeaderSignature) error {
	if sig.Node == s.self {
		return fmt.Errorf("put: %w", store.ErrConflict)
	}
	return s.Store.PutSignature(ctx, sig)
}

// TestOwnConflictStops wants a node that has signed another header of the height,
// as its store says, to stop: waiting would not help.
func TestOwnConflictStops(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{nodes: 1, blockTransactions: 1, wrapStore: func(_ int, s store.Store) store.Store {
		return &refusing{Store: s, self: aplostest.NodeID(0)}
	}})
	f.start()
	_, _ = f.node(0).Submit(t.Context(), [][]byte{f.transfer(0, 1, 1)})
	_, err := f.node(0).Await(t.Context(), func(node.Status) bool { return false })
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("the node stopped for %v, want ErrConflict", err)
	}
	if err := f.halt(0); !errors.Is(err, store.ErrConflict) {
		t.Errorf("it ended with %v, want ErrConflict", err)
	}
	f.close()
}
