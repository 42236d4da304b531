package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sort"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/internal/durable"
)

// A segment starts with a header, numbers little-endian:
//
//	"librumlg" | version u32 | topic 16 bytes | base u64 | previous base u64 | salt u64 | crc u32
//
// The first segment is its own previous one.
const (
	segmentMagic      = "librumlg"
	segmentVersion    = 1
	segmentHeaderSize = 56
	segmentSuffix     = ".log"
	temporarySuffix   = ".tmp"
	indexEveryBytes   = 64 << 10
)

type segmentHeader struct {
	topic          ledger.ID
	base, previous uint64
	salt           uint64
}

func (h segmentHeader) bytes() []byte {
	b := make([]byte, 0, segmentHeaderSize)
	b = append(b, segmentMagic...)
	b = binary.LittleEndian.AppendUint32(b, segmentVersion)
	b = append(b, h.topic[:]...)
	b = binary.LittleEndian.AppendUint64(b, h.base)
	b = binary.LittleEndian.AppendUint64(b, h.previous)
	b = binary.LittleEndian.AppendUint64(b, h.salt)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// seed is what the sums of the segment's frames start from.
func (h segmentHeader) seed() uint32 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], h.salt)
	return crc32.Checksum(b[:], castagnoli)
}

func parseSegmentHeader(b []byte) (segmentHeader, error) {
	var h segmentHeader
	switch {
	case len(b) != segmentHeaderSize:
		return h, fmt.Errorf("segment header has %d bytes, want %d", len(b), segmentHeaderSize)
	case string(b[:8]) != segmentMagic:
		return h, fmt.Errorf("segment header starts with %q, want %q", b[:8], segmentMagic)
	case binary.LittleEndian.Uint32(b[8:]) != segmentVersion:
		return h, fmt.Errorf("segment has version %d, want %d", binary.LittleEndian.Uint32(b[8:]), segmentVersion)
	case binary.LittleEndian.Uint32(b[52:]) != crc32.Checksum(b[:52], castagnoli):
		return h, errors.New("segment header: CRC32C differs")
	}
	copy(h.topic[:], b[12:])
	h.base = binary.LittleEndian.Uint64(b[28:])
	h.previous = binary.LittleEndian.Uint64(b[36:])
	h.salt = binary.LittleEndian.Uint64(b[44:])
	return h, nil
}

func segmentName(base uint64) string { return fmt.Sprintf("%020d%s", base, segmentSuffix) }

func parseSegmentName(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	base, err := strconv.ParseUint(digits, 10, 64)
	return base, err == nil
}

// segment is an open segment file. Where its records end is for the log to
// know: at the next segment's base, or at the last commit.
type segment struct {
	segmentHeader
	path  string
	file  vfs.File
	seed  uint32
	index []indexPoint // ascending, about one every indexEveryBytes; guarded by Log.mu
}

type indexPoint struct {
	offset uint64
	pos    int64
}

// openSegment opens a published segment. Segments are published whole, so a
// bad header is never the trace of a crash.
func openSegment(fs vfs.FS, path string, base uint64, write bool) (*segment, error) {
	var f vfs.File
	var err error
	if write {
		f, err = fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	} else {
		f, err = fs.Open(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open segment: %w", err)
	}
	b := make([]byte, segmentHeaderSize)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("read header of %s: %w", path, err), f.Close())
	}
	h, err := parseSegmentHeader(b[:n])
	if err == nil && h.base != base {
		err = fmt.Errorf("segment header says base %d", h.base)
	}
	if err != nil {
		return nil, errors.Join(&order.CorruptError{File: path, Offset: base, Reason: err.Error()}, f.Close())
	}
	return newSegment(h, path, f), nil
}

func newSegment(h segmentHeader, path string, f vfs.File) *segment {
	return &segment{
		segmentHeader: h, path: path, file: f, seed: h.seed(),
		index: []indexPoint{{offset: h.base, pos: segmentHeaderSize}},
	}
}

// seek returns the last known point at or before offset.
func (s *segment) seek(offset uint64) indexPoint {
	i := sort.Search(len(s.index), func(i int) bool { return s.index[i].offset > offset })
	return s.index[i-1]
}

// note remembers where a record stands if no point is near.
func (s *segment) note(p indexPoint) {
	if last := s.index[len(s.index)-1]; p.pos >= last.pos+indexEveryBytes {
		s.index = append(s.index, p)
	}
}

// publishSegment makes a segment that holds the given frames and opens it for
// writing. It is durable, under its name, when publishSegment returns; before,
// there is at most a temporary file.
func publishSegment(fs vfs.FS, dir string, h segmentHeader, frames []byte) (*segment, error) {
	path := fs.PathJoin(dir, segmentName(h.base))
	if err := writeFile(fs, dir, segmentName(h.base), append(h.bytes(), frames...)); err != nil {
		return nil, fmt.Errorf("publish segment %s: %w", path, err)
	}
	return openSegment(fs, path, h.base, true)
}

// writeFile makes a file durable under its name, or leaves at most a temporary
// one.
func writeFile(fs vfs.FS, dir, name string, content []byte) error {
	path := fs.PathJoin(dir, name)
	f, err := fs.Create(path+temporarySuffix, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(path+temporarySuffix, path); err != nil {
		return err
	}
	return durable.SyncDir(fs, dir)
}
