package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/blob/internal/checked"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// copySize is how much is copied at once.
const copySize = 256 << 10

// Put implements [blob.Store].
func (s *Store) Put(ctx context.Context, r io.Reader, limit int64) (ledger.Digest, int64, error) {
	d, size, err := s.put(ctx, nil, r, limit)
	if err != nil {
		return ledger.Digest{}, 0, fmt.Errorf("put blob: %w", err)
	}
	return d, size, nil
}

// PutDigest implements [blob.Store].
func (s *Store) PutDigest(ctx context.Context, want ledger.Digest, r io.Reader, limit int64) (int64, error) {
	_, size, err := s.put(ctx, &want, r, limit)
	if err != nil {
		return 0, fmt.Errorf("put blob %s: %w", want, err)
	}
	return size, nil
}

func (s *Store) put(ctx context.Context, want *ledger.Digest, r io.Reader, limit int64) (d ledger.Digest, size int64, err error) {
	leave, err := s.enterWriter(ctx)
	if err != nil {
		return d, 0, err
	}
	defer leave()
	path := s.fs.PathJoin(s.dir, temporaryDir, strconv.FormatUint(s.names.Add(1), 10))
	f, err := s.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return d, 0, full(err)
	}
	sum := checked.NewSummer(s.seed)
	size, err = copyBounded(ctx, f, r, limit, copySize, func(p []byte) { _, _ = sum.Write(p) }) // it never fails
	if err == nil {
		err = full(f.Sync())
	}
	err = errors.Join(err, f.Close())
	d, checked := sum.Finish()
	if err == nil && want != nil && d != *want {
		err = fmt.Errorf("%w: %s, want %s", blob.ErrDigest, d, *want)
	}
	if err == nil {
		err = s.place(path, d, checked)
	}
	if err != nil {
		if remove := s.fs.Remove(path); remove != nil && !errors.Is(remove, os.ErrNotExist) {
			err = errors.Join(err, remove)
		}
		return d, 0, err
	}
	return d, size, nil
}

// copyBounded copies at most limit bytes, size at once, shows them to see, and
// returns how many were written.
func copyBounded(ctx context.Context, w io.Writer, r io.Reader, limit, size int64, see func([]byte)) (int64, error) {
	if limit < 0 {
		return 0, fmt.Errorf("%w: %d bytes are allowed", blob.ErrTooLarge, limit)
	}
	buf := make([]byte, min(size, limit+1))
	for written := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return written, err
		}
		n, readErr := fill(r, buf)
		if int64(n) > limit-written {
			return written, fmt.Errorf("%w: at most %d bytes are allowed", blob.ErrTooLarge, limit)
		}
		see(buf[:n])
		// A vfs.File may change what it is given, so see comes first.
		m, err := w.Write(buf[:n])
		written += int64(m)
		switch {
		case err != nil:
			return written, full(err)
		case errors.Is(readErr, io.EOF):
			return written, nil
		case readErr != nil:
			return written, fmt.Errorf("read content: %w", readErr)
		}
	}
}

// fill reads until buf is full or the reader ends.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for empty := 0; n < len(buf); {
		m, err := r.Read(buf[n:])
		n += m
		if err != nil {
			return n, err
		}
		if m > 0 {
			empty = 0
		} else if empty++; empty == 100 {
			return n, io.ErrNoProgress
		}
	}
	return n, nil
}

// full lets callers see a full disk.
func full(err error) error {
	if err != nil && errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: %w", blob.ErrFull, err)
	}
	return err
}

// Delete implements [blob.Store].
func (s *Store) Delete(ctx context.Context, d ledger.Digest) error {
	leave, err := s.enterWriter(ctx)
	if err != nil {
		return fmt.Errorf("delete blob %s: %w", d, err)
	}
	defer leave()
	dir, path := s.path(d)
	err = s.fs.Remove(path)
	if errors.Is(err, os.ErrNotExist) {
		err = blob.ErrNotFound
	}
	if err == nil {
		s.verified.Drop(d)
		err = durable.SyncDir(s.fs, dir)
	}
	if err != nil {
		return fmt.Errorf("delete blob %s: %w", d, err)
	}
	return nil
}
