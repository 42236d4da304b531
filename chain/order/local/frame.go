package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A record stands in a segment as a frame, numbers little-endian:
//
//	length u32 | crc u32 | offset u64 | acknowledged u64 | length bytes
//
// The CRC32C starts from the segment's salt and covers everything but itself.
// Frames of one group commit carry the same acknowledged end.
const frameHeaderSize = 24

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type frame struct {
	offset  uint64
	acked   uint64 // every record before this one was durable when the frame was written
	payload []byte
}

func appendFrame(dst []byte, seed uint32, f frame) []byte {
	start := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(f.payload)))
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = binary.LittleEndian.AppendUint64(dst, f.offset)
	dst = binary.LittleEndian.AppendUint64(dst, f.acked)
	dst = append(dst, f.payload...)
	binary.LittleEndian.PutUint32(dst[start+4:], frameSum(seed, dst[start:]))
	return dst
}

func frameSum(seed uint32, b []byte) uint32 {
	sum := crc32.Update(seed, castagnoli, b[:4])
	return crc32.Update(sum, castagnoli, b[8:])
}

// errBadFrame says that the bytes at a position are no frame: they end too
// early, or length, offset or sum is wrong.
var errBadFrame = errors.New("bad frame")

// parseFrame reads the frame of the given offset at the start of b. With
// need > len(b) more bytes are wanted first.
func parseFrame(b []byte, seed uint32, offset uint64, maxRecord int) (f frame, need int, err error) {
	if len(b) < frameHeaderSize {
		return f, frameHeaderSize, nil
	}
	length := binary.LittleEndian.Uint32(b)
	f.offset = binary.LittleEndian.Uint64(b[8:])
	f.acked = binary.LittleEndian.Uint64(b[16:])
	switch {
	case uint64(length) > uint64(maxRecord):
		return f, 0, fmt.Errorf("%w: length is %d, at most %d is allowed", errBadFrame, length, maxRecord)
	case f.offset != offset:
		return f, 0, fmt.Errorf("%w: it says offset %d, want %d", errBadFrame, f.offset, offset)
	case f.acked > f.offset:
		return f, 0, fmt.Errorf("%w: it says %d records were acknowledged before record %d", errBadFrame, f.acked, f.offset)
	}
	need = frameHeaderSize + int(length)
	if len(b) < need {
		return f, need, nil
	}
	if binary.LittleEndian.Uint32(b[4:]) != frameSum(seed, b[:need]) {
		return f, 0, fmt.Errorf("%w: CRC32C differs", errBadFrame)
	}
	f.payload = b[frameHeaderSize:need]
	return f, need, nil
}

// scanner walks the frames of a segment between two byte positions.
type scanner struct {
	file      io.ReaderAt
	seed      uint32
	maxRecord int
	offset    uint64 // of the next frame
	pos, end  int64  // byte position of the next frame, and where to stop
	chunk     int    // bytes to read at once
	buf       []byte // bytes from pos on, not yet used; a part of store
	store     []byte
}

// next returns the next frame, whose payload is good until the call after;
// io.EOF at the end; an error that is errBadFrame where there is none.
func (s *scanner) next() (frame, error) {
	if s.pos == s.end {
		return frame{}, io.EOF
	}
	for {
		f, need, err := parseFrame(s.buf, s.seed, s.offset, s.maxRecord)
		if err != nil {
			return f, err
		}
		if need <= len(s.buf) {
			s.buf = s.buf[need:]
			s.pos += int64(need)
			s.offset++
			return f, nil
		}
		if int64(need) > s.end-s.pos {
			return f, fmt.Errorf("%w: it wants %d bytes, the file has %d", errBadFrame, need, s.end-s.pos)
		}
		if err := s.fill(need); err != nil {
			return f, err
		}
	}
}

// fill reads until at least need bytes from pos on are in the buffer.
func (s *scanner) fill(need int) error {
	want := int(min(int64(max(need, s.chunk)), s.end-s.pos))
	if cap(s.store) < want {
		s.store = make([]byte, want)
	}
	kept := copy(s.store[:want], s.buf)
	n, err := s.file.ReadAt(s.store[kept:want], s.pos+int64(kept))
	s.buf = s.store[:kept+n]
	if kept+n < want {
		if err == nil || errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: the file ends at byte %d", errBadFrame, s.pos+int64(kept+n))
		}
		return fmt.Errorf("read %d bytes at byte %d: %w", want-kept, s.pos+int64(kept), err)
	}
	return nil
}

// laterAcknowledged looks for whole frames anywhere in b, which follows a bad
// frame of the given offset, and returns the highest acknowledged end they
// carry. The salt in the sum keeps a record's content from passing for a frame.
func laterAcknowledged(b []byte, seed uint32, offset uint64, maxRecord int) uint64 {
	var highest uint64
	for len(b) >= frameHeaderSize {
		at := binary.LittleEndian.Uint64(b[8:])
		acked := binary.LittleEndian.Uint64(b[16:])
		if at >= offset && at-offset <= uint64(len(b)) && acked > offset && acked <= at {
			if f, need, err := parseFrame(b, seed, at, maxRecord); err == nil && need <= len(b) {
				highest = max(highest, f.acked)
			}
		}
		b = b[1:]
	}
	return highest
}
