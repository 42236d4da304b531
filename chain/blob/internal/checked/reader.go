package checked

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"sync"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
)

// Source is where a driver keeps the bytes of a blob.
type Source interface {
	io.ReaderAt
	io.Closer
}

// Reader is an open blob whose reads are checked. It implements [blob.Blob].
type Reader struct {
	digest ledger.Digest
	source Source
	sums   *Sums
	seed   maphash.Seed
	cache  *Cache    // loses the sums where a check fails, so that the next Get reads the blob whole
	chunks sync.Pool // of *[ChunkSize]byte, for chunks read in part

	mu     sync.RWMutex // held for reading by ReadAt, for writing by Close
	closed bool
}

var _ blob.Blob = (*Reader)(nil)

// NewReader returns a reader of a blob whose sums are known.
func NewReader(digest ledger.Digest, source Source, sums *Sums, seed maphash.Seed, cache *Cache) *Reader {
	return &Reader{digest: digest, source: source, sums: sums, seed: seed, cache: cache}
}

// Size implements [blob.Blob].
func (b *Reader) Size() int64 { return b.sums.Size }

// Close implements [blob.Blob]. Closing again does nothing.
func (b *Reader) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	return b.source.Close()
}

func (b *Reader) corrupt(format string, args ...any) error {
	b.cache.Drop(b.digest)
	return &blob.CorruptError{Digest: b.digest, Reason: fmt.Sprintf(format, args...)}
}

// ReadAt implements io.ReaderAt. Chunks that p covers are read in place, those
// it covers in part through a buffer.
func (b *Reader) ReadAt(p []byte, off int64) (int, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	switch {
	case b.closed:
		return 0, blob.ErrClosed
	case off < 0:
		return 0, fmt.Errorf("read blob %s: byte %d lies before its start", b.digest, off)
	case len(p) == 0:
		return 0, nil
	}
	done := 0
	for done < len(p) && off < b.sums.Size {
		var n int
		var err error
		index := off / ChunkSize
		if whole := b.wholeChunks(off, len(p)-done); whole > 0 {
			n, err = b.readWhole(p[done:done+whole], index)
		} else {
			n, err = b.readPart(p[done:], off, index)
		}
		done += n
		off += int64(n)
		if err != nil {
			return done, err
		}
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

// wholeChunks returns how many bytes from off, up to n, are whole chunks, the
// short one at the end of the blob included.
func (b *Reader) wholeChunks(off int64, n int) int {
	if off%ChunkSize != 0 {
		return 0
	}
	if rest := b.sums.Size - off; int64(n) >= rest {
		return int(rest)
	}
	return n - n%ChunkSize
}

// readWhole reads whole chunks from the one at index on and checks them.
func (b *Reader) readWhole(p []byte, index int64) (int, error) {
	if n, err := b.source.ReadAt(p, index*ChunkSize); n < len(p) {
		if err == nil || errors.Is(err, io.EOF) {
			return 0, b.corrupt("it ends at byte %d, want %d", index*ChunkSize+int64(n), b.sums.Size)
		}
		return 0, fmt.Errorf("read blob %s: %w", b.digest, err)
	}
	for at := 0; at < len(p); at += ChunkSize {
		chunk := p[at:min(at+ChunkSize, len(p))]
		if maphash.Bytes(b.seed, chunk) != b.sums.chunks[index] {
			clear(p[at:])
			return at, b.corrupt("bytes from %d on have changed since they were checked", index*ChunkSize)
		}
		index++
	}
	return len(p), nil
}

// readPart reads the chunk at index and copies what p wants of it.
func (b *Reader) readPart(p []byte, off, index int64) (int, error) {
	buf, ok := b.chunks.Get().(*[ChunkSize]byte)
	if !ok {
		buf = new([ChunkSize]byte)
	}
	defer b.chunks.Put(buf)
	start := index * ChunkSize
	chunk := buf[:min(ChunkSize, b.sums.Size-start)]
	if _, err := b.readWhole(chunk, index); err != nil {
		return 0, err
	}
	return copy(p, chunk[off-start:]), nil
}
