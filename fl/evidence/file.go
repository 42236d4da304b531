package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
)

// File is an evidence file whose form was checked, open for reading.
type File struct {
	Head

	r        io.ReaderAt
	blocks   int64   // where the first one begins
	end      int64   // where the last one ends
	contents []int64 // where each begins
	checked  map[ledger.Digest]bool
	opened   map[ledger.Digest]bool
}

// Open reads a file of the given size and its head. The error wraps [ErrFormat]
// where the file is not whole, or none.
func Open(ctx context.Context, r io.ReaderAt, size int64) (*File, error) {
	if err := checkSum(ctx, r, size); err != nil {
		return nil, err
	}
	end := size - sumBytes
	var prefix [prefixBytes]byte
	if _, err := r.ReadAt(prefix[:], 0); err != nil {
		return nil, err
	}
	if version := binary.BigEndian.Uint32(prefix[len(magic):]); string(prefix[:len(magic)]) != magic || version != Version {
		return nil, fmt.Errorf("%w: it begins with %q and version %d, want %q and %d", ErrFormat, prefix[:len(magic)], version, magic, Version)
	}
	f := &File{r: r, checked: map[ledger.Digest]bool{}, opened: map[ledger.Digest]bool{}}
	encoded, at, err := f.frame(int64(prefixBytes), end, maxHeadBytes)
	if err != nil {
		return nil, err
	}
	if f.Head, err = ParseHead(encoded); err != nil {
		return nil, errors.Join(ErrFormat, err)
	}
	f.blocks = at
	return f, f.place(end)
}

// place finds where the contents are: they end where the sum begins.
func (f *File) place(end int64) error {
	f.contents = make([]int64, len(f.Contents))
	for i, c := range slices.Backward(f.Contents) {
		if end < f.blocks || c.Size > uint64(end-f.blocks) {
			return fmt.Errorf("%w: content %s of %d bytes is longer than the file", ErrFormat, c.Digest.Short(), c.Size)
		}
		end -= int64(c.Size)
		f.contents[i] = end
	}
	f.end = end
	return nil
}

// checkSum reads the whole file against the sum at its end.
func checkSum(ctx context.Context, r io.ReaderAt, size int64) error {
	if size < int64(prefixBytes+lengthBytes+sumBytes) {
		return fmt.Errorf("%w: %d bytes", ErrFormat, size)
	}
	sum, buf := sha256.New(), make([]byte, 256<<10)
	for at, end := int64(0), size-sumBytes; at < end; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := min(int64(len(buf)), end-at)
		if _, err := r.ReadAt(buf[:n], at); err != nil {
			return fmt.Errorf("read byte %d: %w", at, err)
		}
		_, _ = sum.Write(buf[:n]) // a hash never fails to write
		at += n
	}
	var want [sumBytes]byte
	if _, err := r.ReadAt(want[:], size-sumBytes); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the sum: %w", err)
	}
	if !bytes.Equal(sum.Sum(nil), want[:]) {
		return fmt.Errorf("%w: its SHA-256 is not the one it ends with: damaged, or cut short", ErrFormat)
	}
	return nil
}

// frame reads the part at a place, whose length stands before it, and returns
// where the next begins. Nothing is read that would not fit.
func (f *File) frame(at, end int64, limit int) ([]byte, int64, error) {
	var length [lengthBytes]byte
	if end-at < lengthBytes {
		return nil, at, fmt.Errorf("%w: it ends at byte %d, where a part should begin", ErrFormat, at)
	}
	if _, err := f.r.ReadAt(length[:], at); err != nil {
		return nil, at, err
	}
	at += lengthBytes
	n := int64(binary.BigEndian.Uint32(length[:]))
	if n > end-at || n > int64(limit) {
		return nil, at, fmt.Errorf("%w: a part of %d bytes at byte %d, %d are left and %d allowed", ErrFormat, n, at, end-at, limit)
	}
	b := make([]byte, n)
	if _, err := f.r.ReadAt(b, at); err != nil {
		return nil, at, err
	}
	return b, at + n, nil
}

// eachBlock visits the blocks. They must fill all up to the contents.
func (f *File) eachBlock(ctx context.Context, visit func(height uint64, b *Block) error) error {
	at, end := f.blocks, f.end
	for height := f.First; ; height++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		encoded, next, err := f.frame(at, end, maxBlockBytes)
		if err != nil {
			return err
		}
		b, err := ParseBlock(encoded)
		if err != nil {
			return errors.Join(ErrFormat, err)
		}
		if err := visit(height, &b); err != nil {
			return err
		}
		if at = next; height == f.Last {
			break
		}
	}
	if at != end {
		return fmt.Errorf("%w: %d bytes that belong to nothing at byte %d", ErrFormat, end-at, at)
	}
	return nil
}

// Get returns a content, checked against its digest.
func (f *File) Get(ctx context.Context, digest ledger.Digest) (blob.Blob, error) {
	i, ok := slices.BinarySearchFunc(f.Contents, digest, func(c Content, d ledger.Digest) int { return compare(c.Digest, d) })
	if !ok {
		return nil, fmt.Errorf("%w: %s is not in the file", blob.ErrNotFound, digest)
	}
	f.opened[digest] = true
	c := content{io.NewSectionReader(f.r, f.contents[i], int64(f.Contents[i].Size))}
	if f.checked[digest] {
		return c, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, reading{ctx, io.NewSectionReader(c, 0, c.Size())}); err != nil {
		return nil, err
	}
	if got := ledger.Digest(sum.Sum(nil)); got != digest {
		return nil, &blob.CorruptError{Digest: digest, Reason: "in the file it has " + got.String()}
	}
	f.checked[digest] = true
	return c, nil
}

// content is a part of the file.
type content struct{ *io.SectionReader }

// Close implements [blob.Blob].
func (content) Close() error { return nil }

// reading ends with its context.
type reading struct {
	ctx context.Context //nolint:containedctx // of one call
	r   io.Reader
}

func (r reading) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}
