package checked

import (
	"container/list"
	"crypto/sha256"
	"hash"
	"hash/maphash"
	"sync"

	"github.com/librum/librum/chain/ledger"
)

// ChunkSize is what one sum covers. A read of a few bytes costs a chunk.
const ChunkSize = 64 << 10

// Sums is what a blob's reads are checked against.
type Sums struct {
	Size   int64
	chunks []uint64
}

// Summer computes digest and sums of what is written to it.
type Summer struct {
	seed   maphash.Seed
	digest hash.Hash
	chunk  maphash.Hash
	filled int
	sums   Sums
}

// NewSummer returns a summer; the sums count for that seed.
func NewSummer(seed maphash.Seed) *Summer {
	s := &Summer{seed: seed, digest: sha256.New()}
	s.chunk.SetSeed(seed)
	return s
}

// Write implements io.Writer and never fails.
func (s *Summer) Write(p []byte) (int, error) {
	written := len(p)
	_, _ = s.digest.Write(p) // a hash never fails to write
	s.sums.Size += int64(len(p))
	for len(p) > 0 {
		n := min(len(p), ChunkSize-s.filled)
		_, _ = s.chunk.Write(p[:n])
		s.filled += n
		p = p[n:]
		if s.filled == ChunkSize {
			s.flush()
		}
	}
	return written, nil
}

func (s *Summer) flush() {
	s.sums.chunks = append(s.sums.chunks, s.chunk.Sum64())
	s.chunk.Reset()
	s.filled = 0
}

// Finish returns digest and sums of all that was written.
func (s *Summer) Finish() (ledger.Digest, *Sums) {
	if s.filled > 0 {
		s.flush()
	}
	out := s.sums
	return ledger.Digest(s.digest.Sum(nil)), &out
}

// Cache holds the sums of the newest blobs.
type Cache struct {
	limit int // bytes of sums

	mu    sync.Mutex
	used  int
	order *list.List // of *cached, newest first
	rows  map[ledger.Digest]*list.Element
}

type cached struct {
	digest ledger.Digest
	sums   *Sums
}

// NewCache returns a cache of so many bytes of sums.
func NewCache(limit int) *Cache {
	return &Cache{limit: limit, order: list.New(), rows: map[ledger.Digest]*list.Element{}}
}

func (s *Sums) bytes() int { return 128 + 8*len(s.chunks) }

// Get returns the sums of a blob, if they are known.
func (c *Cache) Get(d ledger.Digest) (*Sums, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.rows[d]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).sums, true //nolint:forcetypeassert // the list holds nothing else
}

// Put keeps sums, and drops the oldest where there are too many.
func (c *Cache) Put(d ledger.Digest, s *Sums) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(d)
	c.rows[d] = c.order.PushFront(&cached{digest: d, sums: s})
	for c.used += s.bytes(); c.used > c.limit && c.order.Len() > 0; {
		c.remove(c.order.Back().Value.(*cached).digest) //nolint:forcetypeassert // as above
	}
}

// Drop forgets the sums of a blob.
func (c *Cache) Drop(d ledger.Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(d)
}

func (c *Cache) remove(d ledger.Digest) {
	if e, ok := c.rows[d]; ok {
		c.used -= e.Value.(*cached).sums.bytes() //nolint:forcetypeassert // as above
		c.order.Remove(e)
		delete(c.rows, d)
	}
}
