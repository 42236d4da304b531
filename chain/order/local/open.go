package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/internal/durable"
	"github.com/librum/librum/internal/readonly"
)

const lockName = "LOCK"

// Open opens the log in dir, making it where there is none, and recovers it as
// the package comment says. Close ends it. ctx bounds the opening only.
func Open(ctx context.Context, fs vfs.FS, dir string, opts Options) (*Log, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open log %s: %w", dir, err)
	}
	if opts.ReadOnly {
		fs = readonly.FS(fs)
	} else {
		if err := durable.MakeDir(fs, dir); err != nil {
			return nil, fmt.Errorf("make log directory %s: %w", dir, err)
		}
	}
	lock, err := fs.Lock(fs.PathJoin(dir, lockName))
	if err != nil {
		if _, ok := errors.AsType[*os.PathError](err); ok {
			return nil, fmt.Errorf("open log %s: %w", dir, err)
		}
		return nil, fmt.Errorf("open log %s: %w by another process: %w", dir, ErrLocked, err)
	}
	l := &Log{
		fs: fs, dir: dir, opts: opts, lock: lock,
		queue: make(chan request, queueLength), stop: make(chan struct{}), stopped: make(chan struct{}),
		grown: make(chan struct{}),
	}
	if err := l.load(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open log %s: %w", dir, err), l.release())
	}
	if opts.ReadOnly {
		close(l.stopped)
	} else {
		go l.commitLoop()
	}
	return l, nil
}

func (l *Log) load(ctx context.Context) error {
	bases, hasAcked, err := l.list()
	if err != nil {
		return err
	}
	ackedPath := l.fs.PathJoin(l.dir, ackedName)
	if !hasAcked {
		if len(bases) > 0 {
			return &order.CorruptError{File: ackedPath, Offset: bases[0], Reason: "the file is missing"}
		}
		if err := l.create(); err != nil {
			return err
		}
	}
	l.acked, err = openAcked(l.fs, ackedPath, !l.opts.ReadOnly)
	if errors.Is(err, errAckedUnreadable) {
		return &order.CorruptError{File: ackedPath, Reason: err.Error()}
	}
	if err != nil {
		return err
	}
	l.topic = l.acked.topic
	if len(bases) == 0 {
		if l.acked.end > 0 {
			return &order.CorruptError{
				File: ackedPath, Offset: 0,
				Reason: fmt.Sprintf("%d records were acknowledged and there is no segment", l.acked.end),
			}
		}
		return l.createFirst()
	}
	if err := l.openSegments(ctx, bases); err != nil {
		return err
	}
	return l.recover()
}

// list returns the bases of the segments, ascending, and removes what a crash
// left half written.
func (l *Log) list() (bases []uint64, hasAcked bool, err error) {
	names, err := l.fs.List(l.dir)
	if err != nil {
		return nil, false, fmt.Errorf("list directory: %w", err)
	}
	for _, name := range names {
		base, ok := parseSegmentName(name)
		switch {
		case ok:
			bases = append(bases, base)
		case name == ackedName:
			hasAcked = true
		case strings.HasSuffix(name, temporarySuffix) && !l.opts.ReadOnly:
			if err := l.fs.Remove(l.fs.PathJoin(l.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, false, fmt.Errorf("remove %s: %w", name, err)
			}
		}
	}
	slices.Sort(bases)
	return bases, hasAcked, nil
}

// create names a new log. It does not exist before this file does.
func (l *Log) create() error {
	if l.opts.ReadOnly {
		return fmt.Errorf("no log in the directory: %w", os.ErrNotExist)
	}
	if _, err := io.ReadFull(l.opts.Rand, l.topic[:]); err != nil {
		return fmt.Errorf("draw topic: %w", err)
	}
	if err := writeFile(l.fs, l.dir, ackedName, ackedFileBytes(l.topic)); err != nil {
		return fmt.Errorf("write %s: %w", ackedName, err)
	}
	return nil
}

// createFirst makes the first segment of a log in which nothing was ever
// acknowledged.
func (l *Log) createFirst() error {
	if l.opts.ReadOnly {
		return nil
	}
	salt, err := newSalt(l.opts.Rand)
	if err != nil {
		return err
	}
	s, err := publishSegment(l.fs, l.dir, segmentHeader{topic: l.topic, salt: salt}, nil)
	if err != nil {
		return err
	}
	l.segments, l.bytes = []*segment{s}, segmentHeaderSize
	return nil
}

func (l *Log) openSegments(ctx context.Context, bases []uint64) error {
	for i, base := range bases {
		if err := ctx.Err(); err != nil {
			return err
		}
		last := i == len(bases)-1
		path := l.fs.PathJoin(l.dir, segmentName(base))
		s, err := openSegment(l.fs, path, base, last && !l.opts.ReadOnly)
		if err != nil {
			return err
		}
		l.segments = append(l.segments, s)
		switch {
		case s.topic != l.topic:
			return &order.CorruptError{File: path, Offset: base, Reason: fmt.Sprintf("it belongs to topic %s, this log is %s", s.topic, l.topic)}
		case i > 0 && s.previous != bases[i-1]:
			return &order.CorruptError{
				File: path, Offset: bases[i-1],
				Reason: fmt.Sprintf("the segment before it must be %s and is %s", segmentName(s.previous), segmentName(bases[i-1])),
			}
		}
	}
	return nil
}

// recover finds the end of the log in the last segment (package comment,
// "Recovery").
func (l *Log) recover() error {
	s := l.segments[len(l.segments)-1]
	info, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("stat %s: %w", s.path, err)
	}
	known := max(l.acked.end, s.base)
	scan := scanner{
		file: s.file, seed: s.seed, maxRecord: order.MaxRecordBytes, offset: s.base,
		pos: segmentHeaderSize, end: info.Size(), chunk: readChunk,
	}
	var unacknowledged [][]byte // the records from known on
	for {
		at := indexPoint{offset: scan.offset, pos: scan.pos}
		f, err := scan.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errBadFrame) {
			break
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", s.path, err)
		}
		s.note(at)
		if f.acked > known {
			known, unacknowledged = f.acked, nil
		}
		if f.offset >= known {
			unacknowledged = append(unacknowledged, slices.Clone(f.payload))
		}
	}
	rest, err := readRest(&scan)
	if err != nil {
		return fmt.Errorf("read %s: %w", s.path, err)
	}
	known = max(known, laterAcknowledged(rest, s.seed, scan.offset, order.MaxRecordBytes))
	if scan.offset < known {
		return &order.CorruptError{
			File: s.path, Offset: scan.offset,
			Reason: fmt.Sprintf("no whole record at byte %d, yet all before offset %d were acknowledged", scan.pos, known),
		}
	}
	l.end, l.bytes = scan.offset, scan.pos
	if l.opts.ReadOnly {
		return nil
	}
	if len(rest) > 0 || len(unacknowledged) > 0 {
		l.opts.Logger.Warn("log was not closed cleanly", "dir", l.dir, "end", l.end,
			"torn_bytes", len(rest), "records_written_again", len(unacknowledged))
		if err := l.rewrite(known, unacknowledged); err != nil {
			return err
		}
	}
	if l.acked.end < l.end {
		if err := l.acked.set(l.end); err != nil {
			return err
		}
	}
	return l.acked.sync()
}

// readRest returns the bytes of the file behind the last whole record.
func readRest(s *scanner) ([]byte, error) {
	rest := make([]byte, s.end-s.pos)
	n, err := s.file.ReadAt(rest, s.pos)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return rest[:n], nil
}

// rewrite begins a segment at the last acknowledged position and writes the
// records behind it again: what a failed sync left behind may be in the page
// cache and not on the disk, so reading it proves nothing. The torn bytes stay
// where they are, behind the records of the segment before.
func (l *Log) rewrite(known uint64, records [][]byte) error {
	last := l.segments[len(l.segments)-1]
	salt, err := newSalt(l.opts.Rand)
	if err != nil {
		return err
	}
	h := segmentHeader{topic: l.topic, base: known, previous: last.base, salt: salt}
	if known == last.base { // nothing in it counts: replace it
		h.previous = last.previous
		l.segments = l.segments[:len(l.segments)-1]
		if err := last.file.Close(); err != nil {
			return fmt.Errorf("close %s: %w", last.path, err)
		}
	}
	var frames []byte
	for i, r := range records {
		frames = appendFrame(frames, h.seed(), frame{offset: known + uint64(i), acked: known, payload: r})
	}
	s, err := publishSegment(l.fs, l.dir, h, frames)
	if err != nil {
		return err
	}
	l.segments = append(l.segments, s)
	l.bytes = segmentHeaderSize + int64(len(frames))
	return nil
}
