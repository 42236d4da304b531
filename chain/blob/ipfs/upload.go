package ipfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
)

// partBytes is how much of an upload is made durable at once.
const partBytes = 1 << 20

func (s *Store) partialPath(id ledger.ID) string { return s.config.Root + "/partial/" + id.String() }

// Partial implements [blob.Uploads].
func (s *Store) Partial(ctx context.Context, id ledger.ID) (int64, error) {
	size, err := s.partial(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("look up upload %s: %w", id, err)
	}
	return size, nil
}

func (s *Store) partial(ctx context.Context, id ledger.ID) (int64, error) {
	st, err := s.stat(ctx, s.partialPath(id))
	if missing(err) {
		err = blob.ErrNotFound
	}
	return st.Size, err
}

// hold keeps others from the upload until the returned function is called.
func (s *Store) hold(id ledger.ID) (func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[id] {
		return nil, blob.ErrBusy
	}
	s.busy[id] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.busy, id)
	}, nil
}

// touch takes note that an upload is of this life.
func (s *Store) touch(id ledger.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touched[id] = s.config.Now()
}

// isOld reports whether an upload has lain untouched for too long. kubo keeps no
// times, so that those of an earlier life have lain since the opening.
func (s *Store) isOld(id ledger.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, there := s.touched[id]
	if !there {
		last = s.opened
	}
	return s.config.Now().Sub(last) >= s.config.PartialAge
}

// dropOld drops an upload that has lain untouched for too long, and tells
// whether it did.
func (s *Store) dropOld(ctx context.Context, id ledger.ID) (bool, error) {
	release, err := s.hold(id)
	if err != nil || !s.isOld(id) { // busy is not old
		if err == nil {
			release()
		}
		return false, nil
	}
	defer release()
	if err := s.drop(ctx, id); err != nil {
		return false, fmt.Errorf("drop old upload %s: %w", id, err)
	}
	return true, nil
}

// Append implements [blob.Uploads].
func (s *Store) Append(ctx context.Context, id ledger.ID, offset int64, r io.Reader, limit int64) (int64, error) {
	size, err := s.append(ctx, id, offset, r, limit)
	if err != nil {
		return size, fmt.Errorf("append to upload %s: %w", id, err)
	}
	return size, nil
}

func (s *Store) append(ctx context.Context, id ledger.ID, offset int64, r io.Reader, limit int64) (size int64, err error) {
	release, err := s.hold(id)
	if err != nil {
		return 0, err
	}
	defer release()
	size, err = s.partial(ctx, id)
	switch {
	case errors.Is(err, blob.ErrNotFound) && offset == 0:
		if err := s.begin(ctx, id); err != nil {
			return 0, err
		}
	case err != nil:
		return 0, err
	case offset != size:
		return size, &blob.OffsetError{Got: offset, Have: size}
	}
	s.touch(id)
	buf := make([]byte, partBytes)
	for {
		n, readErr := fill(r, buf[:min(partBytes, max(limit-size, 0)+1)])
		if size+int64(n) > limit {
			return size, fmt.Errorf("%w: at most %d bytes are allowed", blob.ErrTooLarge, limit)
		}
		if n > 0 {
			err := s.rpc.send(ctx, "files/write", params([]string{s.partialPath(id)}, "offset", strconv.FormatInt(size, 10),
				"raw-leaves", "true", "flush", "true"), bytes.NewReader(buf[:n]), nil)
			if err != nil {
				return size, err
			}
			size += int64(n)
			s.touch(id)
		}
		switch {
		case errors.Is(readErr, io.EOF):
			return size, nil
		case readErr != nil:
			return size, fmt.Errorf("read content: %w", readErr)
		}
	}
}

// fill reads until buf is full or the reader ends. io.ReadFull would not tell
// one that is at its end from one that broke.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

// begin makes an empty upload, where there is room for one more once the old ones
// are gone.
func (s *Store) begin(ctx context.Context, id ledger.ID) error {
	var listed struct{ Entries []struct{ Name string } }
	if err := s.rpc.call(ctx, "files/ls", params([]string{s.config.Root + "/partial"}), &listed); err != nil {
		return err
	}
	left := len(listed.Entries)
	for _, e := range listed.Entries {
		old, err := ledger.ParseID(e.Name)
		if err != nil {
			continue // nobody's of this package
		}
		dropped, err := s.dropOld(ctx, old)
		if err != nil {
			return err
		}
		if dropped {
			left--
		}
	}
	if left >= s.config.MaxPartials {
		return blob.ErrTooMany
	}
	return s.rpc.send(ctx, "files/write", params([]string{s.partialPath(id)}, "create", "true", "raw-leaves", "true", "cid-version", "1"),
		bytes.NewReader(nil), nil)
}

// Finish implements [blob.Uploads].
func (s *Store) Finish(ctx context.Context, id ledger.ID, want ledger.Digest) (int64, error) {
	size, err := s.finish(ctx, id, want)
	if err != nil {
		return 0, fmt.Errorf("finish upload %s: %w", id, err)
	}
	return size, nil
}

// finish adds what was gathered as content, so that it has the CID of content
// that came at once.
func (s *Store) finish(ctx context.Context, id ledger.ID, want ledger.Digest) (size int64, err error) {
	release, err := s.hold(id)
	if err != nil {
		return 0, err
	}
	defer release()
	have, err := s.partial(ctx, id)
	if err != nil {
		return 0, err
	}
	read, write := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := s.rpc.receive(ctx, "files/read", params([]string{s.partialPath(id)}, "offline", "true"), write)
		_ = write.CloseWithError(err) // it never fails
		done <- err
	}()
	_, size, err = s.put(ctx, &want, read, have)
	_ = read.CloseWithError(context.Canceled) // it never fails
	if readErr := <-done; err == nil {
		err = readErr
	}
	if err != nil && !errors.Is(err, blob.ErrDigest) {
		return 0, err
	}
	return size, errors.Join(err, s.drop(ctx, id))
}

// Discard implements [blob.Uploads].
func (s *Store) Discard(ctx context.Context, id ledger.ID) error {
	release, err := s.hold(id)
	if err == nil {
		defer release()
		if _, err = s.partial(ctx, id); err == nil {
			err = s.drop(ctx, id)
		}
	}
	if err != nil {
		return fmt.Errorf("discard upload %s: %w", id, err)
	}
	return nil
}

// drop removes an upload that is held.
func (s *Store) drop(ctx context.Context, id ledger.ID) error {
	if err := s.rpc.call(ctx, "files/rm", params([]string{s.partialPath(id)}, "force", "true"), nil); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.touched, id)
	return nil
}
