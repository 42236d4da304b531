package tensor

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
)

// Header returns the file's first bytes, length and padding included, in
// canonical form: what the reference implementation writes, with the tensors
// by name. It is the header of the file itself only for canonical layouts.
func (l Layout) Header() []byte {
	b := make([]byte, 8, 64+96*len(l.tensors))
	b = append(b, '{')
	for i, t := range l.tensors {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, t.Name)
		b = append(b, `:{"dtype":"`...)
		b = append(b, t.DType.String()...)
		b = append(b, `","shape":`...)
		b = appendNumbers(b, t.Shape...)
		b = append(b, `,"data_offsets":`...)
		b = appendNumbers(b, t.Begin, t.End)
		b = append(b, '}')
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	binary.LittleEndian.PutUint64(b, uint64(len(b)-8))
	return b
}

// appendString quotes a name. Names hold no control characters, so that two
// escapes are enough.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

func appendNumbers(b []byte, numbers ...int64) []byte {
	b = append(b, '[')
	for i, n := range numbers {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return append(b, ']')
}

// Writer writes a canonical file in order: the header, then the tensors by
// name, in pieces of any size. It never holds more than the header.
type Writer struct {
	w    io.Writer
	left int64 // bytes of data still to come
}

// NewWriter writes the header of the canonical form of layout to w.
func NewWriter(w io.Writer, layout Layout) (*Writer, error) {
	c := layout.Canonical()
	if _, err := w.Write(c.Header()); err != nil {
		return nil, fmt.Errorf("write header: %w", err)
	}
	return &Writer{w: w, left: c.DataBytes()}, nil
}

// Write appends the next bytes of the data section. Bytes beyond the layout
// are refused with KindWriteLength and not written.
func (w *Writer) Write(p []byte) (int, error) {
	if int64(len(p)) > w.left {
		return 0, fault(KindWriteLength, "", "%d bytes written, %d are left", len(p), w.left)
	}
	n, err := w.w.Write(p)
	w.left -= int64(n)
	return n, err
}

// Close reports a file that lacks bytes as KindWriteLength. It does not close
// the underlying writer.
func (w *Writer) Close() error {
	if w.left != 0 {
		return fault(KindWriteLength, "", "%d bytes of data were never written", w.left)
	}
	return nil
}

// Copy writes the canonical form of the file r, whose layout is given, to w.
// It holds one buffer of 64 KiB.
func Copy(w io.Writer, r io.ReaderAt, layout Layout) error {
	out, err := NewWriter(w, layout)
	if err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for i, t := range layout.tensors {
		for off := int64(0); off < t.Bytes(); {
			tile := buf[:min(int64(len(buf)), t.Bytes()-off)]
			if err := layout.ReadAt(r, i, tile, off); err != nil {
				return err
			}
			if _, err := out.Write(tile); err != nil {
				return fmt.Errorf("write tensor %q: %w", t.Name, err)
			}
			off += int64(len(tile))
		}
	}
	return out.Close()
}
