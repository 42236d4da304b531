package node_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/store"
)

// counted is a store that counts what is read of it.
type counted struct {
	store.Store

	blocks, transactions *atomic.Int64
}

func (s *counted) Block(ctx context.Context, height uint64) ([]byte, error) {
	s.blocks.Add(1)
	return s.Store.Block(ctx, height)
}

func (s *counted) Transaction(ctx context.Context, id ledger.Digest) (uint64, uint32, bool, error) {
	s.transactions.Add(1)
	return s.Store.Transaction(ctx, id)
}

// TestOldTransactionsCostLittle: a batch of transactions that were executed long ago,
// as any member can send, reads each block once, however they are mixed and repeated,
// and who asks for them again has them from memory. What is read is counted on who
// asks.
func TestOldTransactionsCostLittle(t *testing.T) {
	t.Parallel()
	var blocks, transactions atomic.Int64
	f := newFleet(t, options{
		nodes: 1, frozen: true, blockTransactions: 4,
		wrapStore: func(_ int, s store.Store) store.Store { return &counted{s, &blocks, &transactions} },
	})
	f.start()
	defer f.close()
	const heights, each = 5, 4
	var old [][][]byte // by block
	var last ledger.Position
	for range heights {
		raw := make([][]byte, each)
		for i := range raw {
			raw[i] = f.transfer(i%4, (i+1)%4, 1)
		}
		old = append(old, raw)
		last = f.submit(0, raw...)[each-1].Position
	}
	f.final(last)
	if height := f.node(0).Status().Height; height != heights {
		t.Fatalf("%d blocks, want %d", height, heights)
	}
	f.clock.advance(2 * time.Minute) // all have expired
	var mixed [][]byte
	for range 50 {
		for i := range each {
			for h := range heights {
				mixed = append(mixed, old[h][i])
			}
		}
	}
	never := f.chain.Transfer(0, 1, 5, f.nonce.Add(1), f.clock.now().Add(-time.Minute).UnixMilli())
	mixed = append(mixed, never)

	send := func() (bytes int, read, looked int64) {
		t.Helper()
		blocks.Store(0)
		transactions.Store(0)
		ctx := node.WithCharge(t.Context(), func(n int) { bytes += n })
		outcomes, err := f.node(0).Submit(ctx, mixed)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range outcomes[:len(outcomes)-1] {
			if !o.Executed || o.Code != ledger.CodeOK {
				t.Fatalf("transaction %d: %+v, want its first outcome", i, o)
			}
		}
		if o := outcomes[len(outcomes)-1]; o.Executed || o.Code != contract.CodeExpired {
			t.Fatalf("one that was never executed: %+v", o)
		}
		return bytes, blocks.Load(), transactions.Load()
	}
	size := 0
	for h := uint64(1); h <= heights; h++ {
		raw, err := f.node(0).BlockBytes(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		size += len(raw)
	}
	if bytes, read, looked := send(); read != heights || looked != heights*each+1 || bytes != size {
		t.Errorf("%d blocks read, %d looked up, %d bytes counted; want %d, %d and %d", read, looked, bytes, heights, heights*each+1, size)
	}
	slices.Reverse(mixed[:len(mixed)-1])
	if bytes, read, _ := send(); read != 0 || bytes != 0 {
		t.Errorf("sent again: %d blocks read, %d bytes counted", read, bytes)
	}
}
