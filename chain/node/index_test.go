package node_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/store"
)

// misplaced is a store whose index of transactions is damaged once it is told.
type misplaced struct {
	store.Store
	damaged *atomic.Bool
}

func (m *misplaced) Transaction(ctx context.Context, id ledger.Digest) (uint64, uint32, bool, error) {
	height, index, ok, err := m.Store.Transaction(ctx, id)
	if m.damaged.Load() {
		index += 1_000
	}
	return height, index, ok, err
}

// TestDamagedIndex reads a transaction whose place in its block is wrong: all
// that read it say so, and the node lives on.
func TestDamagedIndex(t *testing.T) {
	t.Parallel()
	damaged := new(atomic.Bool)
	f := newFleet(t, options{nodes: 1, blockTransactions: 1, wrapStore: func(_ int, s store.Store) store.Store {
		return &misplaced{Store: s, damaged: damaged}
	}})
	f.start()
	defer f.close()
	done := f.submit(0, f.transfer(0, 1, 1))[0]
	f.final(done.Position)
	damaged.Store(true)
	n := f.node(0)
	if _, ok, err := n.Outcome(t.Context(), done.ID); err == nil || ok || errors.Is(err, node.ErrNotFound) {
		t.Errorf("outcome: found %t, error %v; want an error about the index", ok, err)
	}
	if _, _, err := n.Transaction(t.Context(), done.ID); err == nil || errors.Is(err, node.ErrNotFound) {
		t.Errorf("transaction: error %v, want one about the index", err)
	}
	if _, err := n.Proof(t.Context(), done.ID); err == nil || errors.Is(err, node.ErrNotFound) {
		t.Errorf("proof: error %v, want one about the index", err)
	}
}
