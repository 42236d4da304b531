package file

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
)

// Has implements [blob.Store].
func (s *Store) Has(ctx context.Context, d ledger.Digest) (int64, bool, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return 0, false, fmt.Errorf("look up blob %s: %w", d, err)
	}
	defer leave()
	_, path := s.path(d)
	info, err := s.fs.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("look up blob %s: %w", d, err)
	}
	return info.Size(), true, nil
}

// Get implements [blob.Store].
func (s *Store) Get(ctx context.Context, d ledger.Digest) (blob.Blob, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", d, err)
	}
	defer leave()
	_, path := s.path(d)
	f, err := s.fs.Open(path, vfs.RandomReadsOption)
	if errors.Is(err, os.ErrNotExist) {
		err = blob.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", d, err)
	}
	b := &reader{store: s, digest: d, file: f}
	if err := b.verify(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open blob %s: %w", d, err), f.Close())
	}
	return b, nil
}

// reader is an open blob.
type reader struct {
	store  *Store
	digest ledger.Digest
	file   vfs.File
	sums   *sums
	chunks sync.Pool // of *[chunkSize]byte, for chunks read in part

	mu     sync.RWMutex // held for reading by ReadAt, for writing by Close
	closed bool
}

// Size implements [blob.Blob].
func (b *reader) Size() int64 { return b.sums.size }

// Close implements [blob.Blob]. Closing again does nothing.
func (b *reader) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	return b.file.Close()
}

// verify finds the sums, by reading all of the file where they are not known.
func (b *reader) verify(ctx context.Context) error {
	info, err := b.file.Stat()
	if err != nil {
		return err
	}
	if known, ok := b.store.verified.get(b.digest); ok {
		if info.Size() != known.size {
			return b.corrupt("it has %d bytes, want %d", info.Size(), known.size)
		}
		b.sums = known
		return nil
	}
	digest, found, err := b.store.sum(ctx, b.file)
	if err != nil {
		return err
	}
	if digest != b.digest {
		return b.corrupt("its SHA-256 is %s", digest)
	}
	b.sums = found
	b.store.verified.put(digest, found)
	return nil
}

// sum reads a file from its start.
func (s *Store) sum(ctx context.Context, f vfs.File) (ledger.Digest, *sums, error) {
	sum := newSummer(s.seed)
	buf := make([]byte, copySize)
	for at := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return ledger.Digest{}, nil, err
		}
		n, err := f.ReadAt(buf, at)
		sum.write(buf[:n])
		at += int64(n)
		if errors.Is(err, io.EOF) {
			d, out := sum.finish()
			return d, out, nil
		}
		if err != nil {
			return ledger.Digest{}, nil, err
		}
	}
}

func (b *reader) corrupt(format string, args ...any) error {
	b.store.verified.drop(b.digest) // the next Get reads it whole
	return &blob.CorruptError{Digest: b.digest, Reason: fmt.Sprintf(format, args...)}
}

// ReadAt implements io.ReaderAt. Chunks that p covers are read in place, those
// it covers in part through a buffer.
func (b *reader) ReadAt(p []byte, off int64) (int, error) {
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
	for done < len(p) && off < b.sums.size {
		var n int
		var err error
		index := off / chunkSize
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
func (b *reader) wholeChunks(off int64, n int) int {
	if off%chunkSize != 0 {
		return 0
	}
	if rest := b.sums.size - off; int64(n) >= rest {
		return int(rest)
	}
	return n - n%chunkSize
}

// readWhole reads whole chunks from the one at index on and checks them.
func (b *reader) readWhole(p []byte, index int64) (int, error) {
	if n, err := b.file.ReadAt(p, index*chunkSize); n < len(p) {
		if err == nil || errors.Is(err, io.EOF) {
			return 0, b.corrupt("it ends at byte %d, want %d", index*chunkSize+int64(n), b.sums.size)
		}
		return 0, fmt.Errorf("read blob %s: %w", b.digest, err)
	}
	for at := 0; at < len(p); at += chunkSize {
		chunk := p[at:min(at+chunkSize, len(p))]
		if maphash.Bytes(b.store.seed, chunk) != b.sums.chunks[index] {
			clear(p[at:])
			return at, b.corrupt("bytes from %d on have changed since they were checked", index*chunkSize)
		}
		index++
	}
	return len(p), nil
}

// readPart reads the chunk at index and copies what p wants of it.
func (b *reader) readPart(p []byte, off, index int64) (int, error) {
	buf, ok := b.chunks.Get().(*[chunkSize]byte)
	if !ok {
		buf = new([chunkSize]byte)
	}
	defer b.chunks.Put(buf)
	start := index * chunkSize
	chunk := buf[:min(chunkSize, b.sums.size-start)]
	if _, err := b.readWhole(chunk, index); err != nil {
		return 0, err
	}
	return copy(p, chunk[off-start:]), nil
}
