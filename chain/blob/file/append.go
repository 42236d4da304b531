package file

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// partSize is how much of a part is in memory at once.
const partSize = 64 << 10

// Append implements [blob.Uploads]. The sender may be slow or hostile, so a
// place among the writers is taken for each write and never while r is read:
// whoever dribbles keeps nobody but their own upload waiting.
func (s *Store) Append(ctx context.Context, id ledger.ID, offset int64, r io.Reader, limit int64) (int64, error) {
	p, err := s.begin(ctx, id, offset)
	if err != nil {
		return 0, fmt.Errorf("append to upload %s: %w", id, err)
	}
	size, gone, err := s.appendPart(ctx, id, p, offset, r, limit)
	s.give(id, p, size, gone)
	if err != nil {
		return size, fmt.Errorf("append to upload %s: %w", id, err)
	}
	return size, nil
}

// begin is take in a writer's place, since it may drop the files of others.
func (s *Store) begin(ctx context.Context, id ledger.ID, offset int64) (p *partial, err error) {
	err = s.write(ctx, func() error {
		p, err = s.take(id, offset == 0)
		return err
	})
	return p, err
}

// write does one piece of work in a writer's place.
func (s *Store) write(ctx context.Context, work func() error) error {
	leave, err := s.enterWriter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return work()
}

// appendPart returns the new length, and whether the upload is no more.
func (s *Store) appendPart(ctx context.Context, id ledger.ID, p *partial, offset int64, r io.Reader, limit int64) (size int64, gone bool, err error) {
	fresh := p.touched.IsZero()
	switch {
	case offset != p.size:
		return p.size, false, &blob.OffsetError{Got: offset, Have: p.size}
	case p.size > limit:
		return p.size, fresh, fmt.Errorf("%w: it has %d bytes, at most %d are allowed", blob.ErrTooLarge, p.size, limit)
	}
	var f vfs.File
	err = s.write(ctx, func() error {
		f, err = s.fs.OpenReadWrite(s.partialPath(id), vfs.WriteCategoryUnspecified)
		return full(err)
	})
	if err != nil {
		return p.size, fresh, err
	}
	end := &writerAt{write: func(work func() error) error { return s.write(ctx, work) }, file: f, at: p.size}
	written, err := copyBounded(ctx, end, r, limit-p.size, partSize, func([]byte) {})
	// What came before an error of the reader, or before the sender left, is
	// worth keeping: that is what resuming is for.
	unsynced := s.write(context.WithoutCancel(ctx), func() error {
		failed := f.Sync()
		if failed == nil && fresh {
			failed = durable.SyncDir(s.fs, s.fs.PathJoin(s.dir, partialDir))
		}
		if failed = full(failed); failed == nil {
			return nil
		}
		// What the file holds is not known any more: begin anew.
		gone = true
		return errors.Join(failed, s.fs.Remove(s.partialPath(id)))
	})
	unsynced = errors.Join(unsynced, f.Close())
	switch {
	case gone:
		return 0, true, errors.Join(err, unsynced)
	case unsynced != nil: // the store was closed; Open finds what the file holds
		return p.size, false, errors.Join(err, unsynced)
	}
	return p.size + written, false, err
}

// writerAt writes at the end of an upload.
type writerAt struct {
	write func(work func() error) error
	file  vfs.File
	at    int64
}

func (w *writerAt) Write(p []byte) (n int, err error) {
	err = w.write(func() error {
		n, err = w.file.WriteAt(p, w.at)
		return err
	})
	w.at += int64(n)
	return n, err
}
