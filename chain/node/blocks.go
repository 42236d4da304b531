package node

import (
	"container/list"
	"context"
	"fmt"
	"sync"

	"github.com/librum/librum/chain/ledger"
)

// maxCachedBytes bounds the blocks that are kept decoded, by the length of their
// encodings: some of the largest, or very many of those of a quiet chain.
const maxCachedBytes = 32 << 20

// blockCache keeps the blocks that were asked for last: whoever asks for outcomes
// or proofs one by one mostly asks for others of the same few blocks. Who finds a
// block missing reads it by itself: a store that is slow for one is waited for by
// that one alone.
type blockCache struct {
	mu       sync.Mutex
	byHeight map[uint64]*list.Element
	order    list.List // of *cachedBlock, the last that was asked for in front
	bytes    int
}

type cachedBlock struct {
	block ledger.Block
	size  int
}

// get returns a stored block. Callers share it and must not change it. One that has to
// be read is counted on whoever asks ([WithCharge]).
func (c *blockCache) get(ctx context.Context, n *Node, height uint64) (*ledger.Block, error) {
	if block, ok := c.kept(height); ok {
		return block, nil
	}
	raw, err := n.BlockBytes(ctx, height)
	if err != nil {
		return nil, err
	}
	charge(ctx, len(raw))
	block, err := ledger.ParseBlock(raw)
	if err != nil {
		return nil, fmt.Errorf("read block %d: %w", height, err)
	}
	return c.put(height, &cachedBlock{block: block, size: len(raw)}), nil
}

func (c *blockCache) kept(height uint64) (*ledger.Block, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byHeight[height]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return &e.Value.(*cachedBlock).block, true //nolint:forcetypeassert // the list holds nothing else
}

// put keeps a block, whatever its size, and forgets those that were not asked for
// the longest where all are too many bytes.
func (c *blockCache) put(height uint64, b *cachedBlock) *ledger.Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byHeight[height]; ok { // another read it meanwhile
		return &b.block
	}
	if c.byHeight == nil {
		c.byHeight = map[uint64]*list.Element{}
	}
	c.byHeight[height] = c.order.PushFront(b)
	c.bytes += b.size
	for c.bytes > maxCachedBytes && c.order.Len() > 1 {
		last := c.order.Remove(c.order.Back()).(*cachedBlock) //nolint:forcetypeassert // see above
		delete(c.byHeight, last.block.Header.Height)
		c.bytes -= last.size
	}
	return &b.block
}

type chargeKey struct{}

// WithCharge returns a context under which charge is told of each stored block that
// has to be read and decoded to answer, by its length. Who asks for one outcome of
// many blocks each costs the node much more than what goes over the network.
func WithCharge(ctx context.Context, charge func(bytes int)) context.Context {
	return context.WithValue(ctx, chargeKey{}, charge)
}

func charge(ctx context.Context, bytes int) {
	if tell, ok := ctx.Value(chargeKey{}).(func(int)); ok {
		tell(bytes)
	}
}
