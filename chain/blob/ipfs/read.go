package ipfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/blob/internal/checked"
	"github.com/librum/librum/chain/ledger"
)

// Get implements [blob.Store].
func (s *Store) Get(ctx context.Context, d ledger.Digest) (blob.Blob, error) {
	st, err := s.stat(ctx, s.path(d))
	if missing(err) && !errors.Is(err, errLost) {
		err = blob.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", d, err)
	}
	sums, err := s.verify(ctx, d, st)
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", d, err)
	}
	return checked.NewReader(d, &source{s.rpc, st}, sums, s.seed, s.verified), nil
}

// verify finds the sums, by reading all of the blob where they are not known.
func (s *Store) verify(ctx context.Context, d ledger.Digest, st stat) (*checked.Sums, error) {
	if known, ok := s.verified.Get(d); ok && known.Size == st.Size {
		return known, nil
	}
	sum := checked.NewSummer(s.seed)
	err := s.rpc.receive(ctx, "cat", params([]string{st.Hash}, "offline", "true", "progress", "false"), sum)
	if missing(err) {
		return nil, fmt.Errorf("%w: %s: %w", errLost, st.Hash, err)
	}
	if err != nil {
		return nil, err
	}
	digest, sums := sum.Finish()
	if digest != d {
		return nil, &blob.CorruptError{Digest: d, Reason: fmt.Sprintf("the SHA-256 of %s is %s", st.Hash, digest)}
	}
	s.verified.Put(d, sums)
	return sums, nil
}

// source reads ranges of a blob.
type source struct {
	rpc  *rpc
	stat stat
}

// ReadAt implements io.ReaderAt, which has no context: the time-out bounds it.
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	got := bytes.NewBuffer(p[:0])
	err := s.rpc.receive(context.Background(), "cat", params([]string{s.stat.Hash}, "offline", "true", "progress", "false",
		"offset", strconv.FormatInt(off, 10), "length", strconv.Itoa(len(p))), &capped{got, len(p)})
	if err != nil {
		return 0, err
	}
	if n := got.Len(); n < len(p) {
		return n, io.EOF
	}
	return len(p), nil
}

// Close implements io.Closer; there is nothing to close.
func (s *source) Close() error { return nil }

// capped takes no more than was asked for, so that the buffer stays in place.
type capped struct {
	to   *bytes.Buffer
	left int
}

func (c *capped) Write(p []byte) (int, error) {
	if len(p) > c.left {
		return 0, fmt.Errorf("kubo: cat: it sent %d bytes more than asked for", len(p)-c.left)
	}
	c.left -= len(p)
	return c.to.Write(p)
}
