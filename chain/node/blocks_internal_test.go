package node

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
)

// TestBlockCacheTwin holds that the cache keeps the blocks that were asked for last,
// as many as fit, and the last one whatever its size.
func TestBlockCacheTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var c blockCache
		var twin []*cachedBlock // the last that was asked for in front
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			height := rapid.Uint64Range(1, 12).Draw(t, "height")
			i := slices.IndexFunc(twin, func(b *cachedBlock) bool { return b.block.Header.Height == height })
			got, ok := c.kept(height)
			if ok != (i >= 0) {
				t.Fatalf("block %d is kept: %t, want %t", height, ok, i >= 0)
			}
			var asked *cachedBlock
			if ok {
				asked = twin[i]
				twin = slices.Delete(twin, i, i+1)
				if got != &asked.block {
					t.Fatalf("block %d is another", height)
				}
			} else {
				asked = &cachedBlock{size: rapid.SampledFrom([]int{1, 1 << 20, 9 << 20, maxCachedBytes, 2 * maxCachedBytes}).Draw(t, "size")}
				asked.block = ledger.Block{Header: ledger.Header{Height: height}}
				c.put(height, asked)
			}
			twin = slices.Insert(twin, 0, asked)
			for sum(twin) > maxCachedBytes && len(twin) > 1 {
				twin = twin[:len(twin)-1]
			}
			if c.bytes != sum(twin) || c.order.Len() != len(twin) || len(c.byHeight) != len(twin) {
				t.Fatalf("%d bytes in %d blocks, %d by height; want %d in %d", c.bytes, c.order.Len(), len(c.byHeight), sum(twin), len(twin))
			}
		}
	})
}

func sum(blocks []*cachedBlock) (bytes int) {
	for _, b := range blocks {
		bytes += b.size
	}
	return bytes
}
