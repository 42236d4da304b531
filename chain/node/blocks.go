package node

import (
	"context"
	"sync/atomic"

	"github.com/librum/librum/chain/ledger"
)

// blockCache keeps the block that was read last: whoever asks for outcomes or
// proofs one by one mostly asks for the next one of the same block. Who finds
// another one there reads by itself: a store that is slow for one is waited for by
// that one alone.
type blockCache struct{ last atomic.Pointer[ledger.Block] }

// get returns a stored block. Callers share it and must not change it.
func (c *blockCache) get(ctx context.Context, n *Node, height uint64) (*ledger.Block, error) {
	if last := c.last.Load(); last != nil && last.Header.Height == height {
		return last, nil
	}
	block, _, err := n.Block(ctx, height)
	if err != nil {
		return nil, err
	}
	c.last.Store(&block)
	return &block, nil
}
