package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/librum/librum/chain/ledger"
)

// magic begins each snapshot and holds the version of the framing.
const magic = "librum snapshot 1\n"

// kind says what a frame holds.
type kind byte

const (
	kindHead  kind = 1
	kindTrail kind = 2
	kindBlock kind = 3
	kindRows  kind = 4
	kindEnd   kind = 5
)

// limit returns the largest payload of a kind, 0 for none.
func (k kind) limit() int {
	switch k {
	case kindHead:
		return maxHeadBytes
	case kindTrail:
		return ledger.MaxTrailBytes
	case kindBlock:
		return ledger.MaxBlockBytes
	case kindRows:
		return maxRowsBytes
	case kindEnd:
		return maxEndBytes
	}
	return 0
}

// The bounds of payloads.
const (
	maxHeadBytes = 1 << 17 // a header and a signature of each node of the largest group
	maxRowsBytes = 80 << 20
	maxEndBytes  = 16
)

// rowsBytes is how many bytes of rows a frame is begun with at most. One row
// alone may be longer: a block writes no more than its own size.
const rowsBytes = 256 << 10

// ErrMalformed: the bytes are no snapshot, or were damaged or cut short.
var ErrMalformed = errors.New("malformed snapshot")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrMalformed, fmt.Errorf(format, args...))
}

const frameHead = 5

// frameWriter writes frames.
type frameWriter struct {
	w   io.Writer
	sum ledger.Digest // of the frame before
}

func (f *frameWriter) put(k kind, payload []byte) error {
	if len(payload) > k.limit() {
		return fmt.Errorf("write frame of kind %d: %d bytes, at most %d are allowed", k, len(payload), k.limit())
	}
	head := binary.BigEndian.AppendUint32([]byte{byte(k)}, uint32(len(payload)))
	f.sum = frameSum(f.sum, head, payload)
	for _, part := range [][]byte{head, payload, f.sum[:]} {
		if _, err := f.w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

func (f *frameWriter) encode(k kind, v any) error {
	b, err := ledger.Encode(v)
	if err != nil {
		return err
	}
	return f.put(k, b)
}

func frameSum(before ledger.Digest, head, payload []byte) (sum ledger.Digest) {
	h := sha256.New()
	for _, part := range [][]byte{before[:], head, payload} {
		_, _ = h.Write(part) // a hash never fails to write
	}
	h.Sum(sum[:0])
	return sum
}

// frameReader reads frames.
type frameReader struct {
	r   io.Reader
	sum ledger.Digest // of the frame before
	n   int           // frames read
	buf bytes.Buffer
}

// next reads a frame; the payload is good until the next call. What is read
// grows with what is there, not with what a length says.
func (f *frameReader) next() (kind, []byte, error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return 0, nil, f.short(err)
	}
	k, size := kind(head[0]), int64(binary.BigEndian.Uint32(head[1:]))
	if size > int64(k.limit()) {
		return 0, nil, malformed("frame %d of kind %d has %d bytes, at most %d are allowed", f.n, k, size, k.limit())
	}
	f.buf.Reset()
	if _, err := io.CopyN(&f.buf, f.r, size); err != nil {
		return 0, nil, f.short(err)
	}
	var sum ledger.Digest
	if _, err := io.ReadFull(f.r, sum[:]); err != nil {
		return 0, nil, f.short(err)
	}
	if f.sum = frameSum(f.sum, head[:], f.buf.Bytes()); f.sum != sum {
		return 0, nil, malformed("frame %d has another hash than it says: it was damaged", f.n)
	}
	f.n++
	return k, f.buf.Bytes(), nil
}

func (f *frameReader) short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("it ends within frame %d", f.n)
	}
	return fmt.Errorf("read frame %d: %w", f.n, err)
}
