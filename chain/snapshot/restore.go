package snapshot

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// Check reads a whole snapshot and says whether it is right: [ErrMalformed] or
// [ErrUnproven] where it is not.
func Check(ctx context.Context, trust Trust, r io.Reader, progress Progress) (Info, error) {
	info, _, err := check(ctx, trust, r, progress)
	if err != nil {
		return info, fmt.Errorf("check the snapshot: %w", err)
	}
	return info, nil
}

// Restore checks a snapshot and fills a store with it, in which nothing was
// applied (invariant 2). Where the store says [store.ErrPartial] afterwards, it
// must be removed.
func Restore(ctx context.Context, trust Trust, r io.ReadSeeker, s store.Store, progress Progress) (Info, error) {
	info, err := restore(ctx, trust, r, s, progress)
	if err != nil {
		return info, fmt.Errorf("restore a snapshot: %w", err)
	}
	return info, nil
}

var errChanged = unproven("the file changed while it was read")

func restore(ctx context.Context, trust Trust, r io.ReadSeeker, s store.Store, progress Progress) (Info, error) {
	start, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return Info{}, err
	}
	info, commit, err := check(ctx, trust, r, nil)
	if err != nil {
		return info, err
	}
	if _, err := r.Seek(start, io.SeekStart); err != nil {
		return info, err
	}
	again, err := open(trust, r)
	if err != nil {
		return info, err
	}
	if !bytes.Equal(again.head.Header, commit.Header) || again.head.Topic != commit.Topic {
		return info, errChanged
	}
	for _, sig := range again.signatures { // of no use without the rest, and no harm
		if err := s.PutSignature(ctx, sig); err != nil {
			return info, err
		}
	}
	return info, s.Restore(ctx, commit, again.past, func(yield func(store.Row, error) bool) {
		var sum ledger.Commitment
		more := true
		err := again.rows(ctx, progress, func(key, value []byte) bool {
			sum.Add(key, value)
			more = yield(store.Row{Key: key, Value: value}, nil)
			return more
		})
		if !more {
			return
		}
		if err == nil && sum.Digest() != again.header.State {
			err = errChanged
		}
		if err != nil {
			yield(store.Row{}, err)
		}
	})
}

func check(ctx context.Context, trust Trust, r io.Reader, progress Progress) (Info, *store.Commit, error) {
	counted := &countingReader{r: r}
	file, err := open(trust, counted)
	if err != nil {
		return Info{}, nil, err
	}
	var sum ledger.Commitment
	err = file.rows(ctx, progress, func(key, value []byte) bool {
		sum.Add(key, value)
		return true
	})
	if err != nil {
		return Info{}, nil, err
	}
	if got := sum.Digest(); got != file.header.State {
		return Info{}, nil, unproven("its rows have the commitment %s, header %d says %s", got.Short(), file.header.Height, file.header.State.Short())
	}
	info := file.info(file.count)
	info.Bytes = counted.n
	return info, file.commit(file.raw, file.last, &sum), nil
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// reader is a snapshot whose header was proven and whose rows come next.
type reader struct {
	*proof

	frames frameReader
	raw    []byte        // the block
	last   ledger.Digest // its last record
	count  uint64        // rows read
}

// open reads up to the block.
func open(trust Trust, r io.Reader) (*reader, error) {
	begin := make([]byte, len(magic))
	if _, err := io.ReadFull(r, begin); err != nil || string(begin) != magic {
		return nil, malformed("it does not begin as a snapshot does")
	}
	f := &reader{frames: frameReader{r: r}}
	k, payload, err := f.frames.next()
	if err != nil {
		return nil, err
	}
	var h head
	if k != kindHead {
		return nil, malformed("its first frame is of kind %d, want the head", k)
	}
	if err := ledger.DecodeFormat("head of a snapshot", payload, maxHeadBytes, &h); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if f.proof, err = newProof(trust, h); err != nil {
		return nil, err
	}
	for {
		k, payload, err := f.frames.next()
		switch {
		case err != nil:
			return nil, err
		case k == kindTrail:
			trail, err := ledger.ParseGroupTrail(payload)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
			}
			if len(trail.Handovers) == 0 {
				return nil, malformed("a part of the trail is empty")
			}
			if err := f.follow(&trail); err != nil {
				return nil, err
			}
		case k == kindBlock:
			if err := f.check(); err != nil {
				return nil, err
			}
			f.raw = bytes.Clone(payload)
			f.last, err = f.block(f.raw)
			return f, err
		default:
			return nil, malformed("frame %d is of kind %d, want trail or block", f.frames.n, k)
		}
	}
}

// rows passes on all rows up to the end, until each says false. Keys and values
// belong to whom they are given.
func (f *reader) rows(ctx context.Context, progress Progress, each func(key, value []byte) bool) error {
	var before []byte
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		k, payload, err := f.frames.next()
		switch {
		case err != nil:
			return err
		case k == kindEnd:
			return f.end(payload)
		case k != kindRows:
			return malformed("frame %d is of kind %d, want rows or the end", f.frames.n, k)
		}
		var batch []row
		if err := ledger.DecodeFormat("rows of a snapshot", payload, maxRowsBytes, &batch); err != nil {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		if len(batch) == 0 {
			return malformed("frame %d has no rows", f.frames.n)
		}
		for _, r := range batch {
			if len(r.Key) == 0 || len(r.Key) > store.MaxKeyBytes || bytes.Compare(before, r.Key) >= 0 {
				return malformed("row %.80q in frame %d: keys have 1 to %d bytes and ascend", r.Key, f.frames.n, store.MaxKeyBytes)
			}
			before = r.Key
			f.count++
			if !each(r.Key, r.Value) {
				return nil
			}
		}
		if progress != nil {
			progress(f.count)
		}
	}
}

// end checks that what was read is all there is.
func (f *reader) end(payload []byte) error {
	var e end
	if err := ledger.DecodeFormat("end of a snapshot", payload, maxEndBytes, &e); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if e.Rows != f.count {
		return malformed("it has %d rows, its end says %d", f.count, e.Rows)
	}
	if n, err := io.ReadFull(f.frames.r, make([]byte, 1)); n > 0 {
		return malformed("there are bytes behind its end")
	} else if err != io.EOF {
		return fmt.Errorf("read behind the end: %w", err)
	}
	return nil
}
