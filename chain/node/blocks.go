package node

import (
	"context"
	"sync"

	"github.com/librum/librum/chain/ledger"
)

// blockCache keeps the block that was read last: whoever asks for outcomes
// asks for many of one block, and a block takes milliseconds to decode.
type blockCache struct {
	mu     sync.Mutex
	height uint64 // 0 for none
	block  *ledger.Block
}

// get returns a stored block. Callers share it and must not change it.
func (c *blockCache) get(ctx context.Context, n *Node, height uint64) (*ledger.Block, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.height == height {
		return c.block, nil
	}
	block, _, err := n.Block(ctx, height)
	if err != nil {
		return nil, err
	}
	c.height, c.block = height, &block
	return c.block, nil
}
