package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/blob/internal/checked"
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
	sums, err := s.verify(ctx, d, f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open blob %s: %w", d, err), f.Close())
	}
	return checked.NewReader(d, f, sums, s.seed, s.verified), nil
}

// verify finds the sums, by reading all of the file where they are not known.
func (s *Store) verify(ctx context.Context, d ledger.Digest, f vfs.File) (*checked.Sums, error) {
	corrupt := func(format string, args ...any) error {
		s.verified.Drop(d) // the next Get reads it whole
		return &blob.CorruptError{Digest: d, Reason: fmt.Sprintf(format, args...)}
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if known, ok := s.verified.Get(d); ok {
		if info.Size() != known.Size {
			return nil, corrupt("it has %d bytes, want %d", info.Size(), known.Size)
		}
		return known, nil
	}
	digest, found, err := s.sum(ctx, f)
	if err != nil {
		return nil, err
	}
	if digest != d {
		return nil, corrupt("its SHA-256 is %s", digest)
	}
	s.verified.Put(digest, found)
	return found, nil
}

// sum reads a file from its start.
func (s *Store) sum(ctx context.Context, f vfs.File) (ledger.Digest, *checked.Sums, error) {
	sum := checked.NewSummer(s.seed)
	buf := make([]byte, copySize)
	for at := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return ledger.Digest{}, nil, err
		}
		n, err := f.ReadAt(buf, at)
		_, _ = sum.Write(buf[:n]) // never fails
		at += int64(n)
		if errors.Is(err, io.EOF) {
			d, out := sum.Finish()
			return d, out, nil
		}
		if err != nil {
			return ledger.Digest{}, nil, err
		}
	}
}
