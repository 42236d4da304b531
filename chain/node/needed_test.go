package node_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order"
)

// trimmed is a log without the records below an offset.
type trimmed struct {
	order.Log
	below *atomic.Uint64
}

func (t trimmed) Read(ctx context.Context, from uint64, maxBytes int) ([]order.Entry, error) {
	if from < t.below.Load() {
		return nil, order.ErrTrimmed
	}
	return t.Log.Read(ctx, from, maxBytes)
}

// TestNeeded takes from the log all that a node says that it does not need, which it
// does not miss, and then all the rest.
func TestNeeded(t *testing.T) {
	t.Parallel()
	var below atomic.Uint64
	f := newFleet(t, options{nodes: 1, blockTransactions: 1, wrapLog: func(_ int, l order.Log) order.Log { return trimmed{l, &below} }})
	f.start()
	for range 3 {
		var last ledger.Position
		for range 3 {
			last = f.submit(0, f.transfer(0, 1, 1))[0].Position
		}
		f.final(last)
		needed := f.node(0).Status().Needed
		if needed == 0 || needed < below.Load() {
			t.Fatalf("after %d the node needs %d", below.Load(), needed)
		}
		f.stop()
		below.Store(needed)
		f.start()
		if again := f.node(0).Status().Needed; again < needed {
			t.Errorf("started again it needs %d, before %d", again, needed)
		}
	}
	f.stop()
	below.Add(1 << 20)
	err := f.startOne(0)
	if err == nil {
		_, err = f.node(0).Await(t.Context(), func(node.Status) bool { return false })
		err = errors.Join(err, f.halt(0))
	}
	if !errors.Is(err, order.ErrTrimmed) {
		t.Errorf("without a record that it needs: %v, want ErrTrimmed", err)
	}
	if err := f.log.Close(); err != nil {
		t.Error(err)
	}
}
