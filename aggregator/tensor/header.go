package tensor

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// metadataKey is the one key of a header that names no tensor.
const metadataKey = "__metadata__"

// ReadLayout reads and checks the header of a file of the given size. It
// reads nothing of the data. A malformed file gives an [*Error]; any other
// error is the reader's.
func ReadLayout(r io.ReaderAt, size int64, limits Limits) (Layout, error) {
	limits = limits.orDefault()
	if size < 8 {
		return Layout{}, fault(KindTruncated, "", "a file of %d bytes; the length of the header takes 8", size)
	}
	var prefix [8]byte
	if err := ReadFull(r, prefix[:], 0); err != nil {
		return Layout{}, fmt.Errorf("read header length: %w", err)
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	switch {
	case length > uint64(limits.HeaderBytes):
		return Layout{}, fault(KindHeaderSize, "", "a header of %d bytes, at most %d are allowed", length, limits.HeaderBytes)
	case length < 2:
		return Layout{}, fault(KindHeaderSize, "", "a header of %d bytes; the shortest is {}", length)
	case int64(length) > size-8:
		return Layout{}, fault(KindTruncated, "", "a header of %d bytes in a file of %d", length, size)
	}
	header := make([]byte, length)
	if err := ReadFull(r, header, 8); err != nil {
		return Layout{}, fmt.Errorf("read header: %w", err)
	}
	return parseHeader(header, size, limits)
}

// ReadAt fills p with stored bytes of tensor i of the file r, from byte off
// of that tensor on.
func (l Layout) ReadAt(r io.ReaderAt, i int, p []byte, off int64) error {
	t := l.tensors[i]
	if off < 0 || int64(len(p)) > t.Bytes()-off {
		return fault(KindOffsets, t.Name, "bytes %d to %d of %d asked for", off, off+int64(len(p)), t.Bytes())
	}
	if err := ReadFull(r, p, l.start+t.Begin+off); err != nil {
		return fmt.Errorf("read tensor %q at byte %d: %w", t.Name, off, err)
	}
	return nil
}

// ReadFull is io.ReadFull for a ReaderAt: a file that is shorter than was
// said gives io.ErrUnexpectedEOF.
func ReadFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func parseHeader(header []byte, size int64, limits Limits) (Layout, error) {
	if header[0] != '{' {
		return Layout{}, &Error{Kind: KindSyntax, Offset: 8, Detail: "the header does not begin with {"}
	}
	if !utf8.Valid(header) {
		return Layout{}, fault(KindUTF8, "", "the header is not UTF-8")
	}
	s := &scanner{buf: header}
	l := Layout{start: int64(8 + len(header))}
	err := s.object(func(key string) error {
		if key == metadataKey {
			return s.metadata(&l)
		}
		if len(l.tensors) == limits.Tensors {
			return s.fail(KindCount, "", "more than %d tensors", limits.Tensors)
		}
		if err := checkName(key, limits.NameBytes); err != nil {
			return err
		}
		t, err := s.tensor(key, limits)
		l.tensors = append(l.tensors, t)
		return err
	})
	if err != nil {
		return Layout{}, err
	}
	for ; s.pos < len(header); s.pos++ {
		if header[s.pos] != ' ' {
			return Layout{}, s.fail(KindSyntax, "", "the header goes on behind its object; only spaces may")
		}
	}
	if err := checkCover(l.tensors, size-l.start); err != nil {
		return Layout{}, err
	}
	slices.SortFunc(l.tensors, byName)
	return l, nil
}

// metadata consumes the value of __metadata__, a map of strings.
func (s *scanner) metadata(l *Layout) error {
	if s.peek() != '{' {
		return s.fail(KindMetadata, "", "%s is not an object", metadataKey)
	}
	l.metadata = make(map[string]string)
	return s.object(func(key string) error {
		if s.peek() != '"' {
			return s.fail(KindMetadata, "", "the value of %.64q is not a string", key)
		}
		value, err := s.str()
		l.metadata[key] = value
		return err
	})
}

// tensor consumes the description of one tensor.
func (s *scanner) tensor(name string, limits Limits) (Tensor, error) {
	t := Tensor{Name: name}
	var offsets []int64
	fields := 0
	err := s.object(func(key string) (err error) {
		fields++
		switch key {
		case "dtype":
			var text string
			if text, err = s.str(); err != nil {
				return err
			}
			var known bool
			if t.DType, known = ParseDType(text); !known {
				return s.fail(KindDType, name, "type %.16q is unknown", text)
			}
		case "shape":
			t.Shape, err = s.numbers(name, limits.Rank, KindShape)
		case "data_offsets":
			offsets, err = s.numbers(name, 2, KindOffsets)
		default:
			return s.fail(KindSyntax, name, "field %.64q is unknown; dtype, shape and data_offsets are expected", key)
		}
		return err
	})
	switch {
	case err != nil:
		return t, err
	case fields != 3: // keys are unique and known, so that three are all
		return t, s.fail(KindSyntax, name, "one of dtype, shape and data_offsets is missing")
	case len(offsets) != 2 || offsets[0] > offsets[1]:
		return t, s.fail(KindOffsets, name, "data_offsets %d is not a begin and an end", offsets)
	}
	t.Begin, t.End = offsets[0], offsets[1]
	bytes, err := byteSize(t, limits.Rank)
	if err != nil {
		return t, err
	}
	if bytes != t.Bytes() {
		return t, s.fail(KindOffsets, name, "data_offsets span %d bytes, %s of shape %d takes %d", t.Bytes(), t.DType, t.Shape, bytes)
	}
	return t, nil
}

// checkCover holds tensor(2).
func checkCover(tensors []Tensor, data int64) error {
	sorted := slices.Clone(tensors)
	slices.SortFunc(sorted, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(a.Begin, b.Begin), cmp.Compare(a.End, b.End))
	})
	end := int64(0)
	for _, t := range sorted {
		switch {
		case t.Begin < end:
			return fault(KindOverlap, t.Name, "it begins at byte %d of the data, the tensor before ends at %d", t.Begin, end)
		case t.Begin > end:
			return fault(KindHole, t.Name, "it begins at byte %d of the data, the tensor before ends at %d", t.Begin, end)
		}
		end = t.End
	}
	if end != data {
		return fault(KindCover, "", "the tensors take %d bytes, the file has %d behind its header", end, data)
	}
	return nil
}
