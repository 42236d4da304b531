package file

import (
	"container/list"
	"crypto/sha256"
	"hash"
	"hash/maphash"
	"sync"

	"github.com/librum/librum/chain/ledger"
)

// chunkSize is what one sum covers. A read of a few bytes costs a chunk.
const chunkSize = 64 << 10

// sums is what a blob's reads are checked against.
type sums struct {
	size   int64
	chunks []uint64
}

// summer computes digest and sums of what is written to it.
type summer struct {
	seed   maphash.Seed
	digest hash.Hash
	chunk  maphash.Hash
	filled int
	sums   sums
}

func newSummer(seed maphash.Seed) *summer {
	s := &summer{seed: seed, digest: sha256.New()}
	s.chunk.SetSeed(seed)
	return s
}

func (s *summer) write(p []byte) {
	_, _ = s.digest.Write(p) // a hash never fails to write
	s.sums.size += int64(len(p))
	for len(p) > 0 {
		n := min(len(p), chunkSize-s.filled)
		_, _ = s.chunk.Write(p[:n])
		s.filled += n
		p = p[n:]
		if s.filled == chunkSize {
			s.flush()
		}
	}
}

func (s *summer) flush() {
	s.sums.chunks = append(s.sums.chunks, s.chunk.Sum64())
	s.chunk.Reset()
	s.filled = 0
}

func (s *summer) finish() (ledger.Digest, *sums) {
	if s.filled > 0 {
		s.flush()
	}
	out := s.sums
	return ledger.Digest(s.digest.Sum(nil)), &out
}

// cache holds the sums of the newest blobs.
type cache struct {
	limit int // bytes of sums

	mu    sync.Mutex
	used  int
	order *list.List // of *cached, newest first
	rows  map[ledger.Digest]*list.Element
}

type cached struct {
	digest ledger.Digest
	sums   *sums
}

func newCache(limit int) *cache {
	return &cache{limit: limit, order: list.New(), rows: map[ledger.Digest]*list.Element{}}
}

func (s *sums) bytes() int { return 128 + 8*len(s.chunks) }

func (c *cache) get(d ledger.Digest) (*sums, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.rows[d]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).sums, true //nolint:forcetypeassert // the list holds nothing else
}

func (c *cache) put(d ledger.Digest, s *sums) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(d)
	c.rows[d] = c.order.PushFront(&cached{digest: d, sums: s})
	for c.used += s.bytes(); c.used > c.limit && c.order.Len() > 0; {
		c.remove(c.order.Back().Value.(*cached).digest) //nolint:forcetypeassert // as above
	}
}

func (c *cache) drop(d ledger.Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(d)
}

func (c *cache) remove(d ledger.Digest) {
	if e, ok := c.rows[d]; ok {
		c.used -= e.Value.(*cached).sums.bytes() //nolint:forcetypeassert // as above
		c.order.Remove(e)
		delete(c.rows, d)
	}
}
