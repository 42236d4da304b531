package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/librum/librum/chain/order"
)

// readChunk is how much is read from a segment at once.
const readChunk = 256 << 10

// Read implements [order.Log]. The newest records come from memory, older ones
// from their segment, with every sum checked; a call ends at a segment's end.
func (l *Log) Read(ctx context.Context, from uint64, maxBytes int) ([]order.Entry, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read log at offset %d: %w", from, err)
		}
		entries, wait, err := l.readNow(from, maxBytes)
		if err != nil {
			return nil, fmt.Errorf("read log at offset %d: %w", from, err)
		}
		if wait == nil {
			return entries, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
		}
	}
}

// readNow returns entries, or what to wait for where there are none yet.
func (l *Log) readNow(from uint64, maxBytes int) ([]order.Entry, <-chan struct{}, error) {
	l.files.RLock()
	defer l.files.RUnlock()
	l.mu.Lock()
	switch {
	case errors.Is(l.failure, order.ErrClosed), from >= l.end && l.failure != nil:
		defer l.mu.Unlock()
		return nil, nil, l.failure
	case from >= l.end:
		defer l.mu.Unlock()
		return nil, l.grown, nil
	case len(l.tail) > 0 && from >= l.tail[0].Offset:
		defer l.mu.Unlock()
		return slices.Clone(fit(l.tail[from-l.tail[0].Offset:], maxBytes)), nil, nil
	case from < l.segments[0].base:
		defer l.mu.Unlock()
		return nil, nil, fmt.Errorf("%w: the first left is %d", order.ErrTrimmed, l.segments[0].base)
	}
	s, until, limit := l.find(from)
	point := s.seek(from)
	l.mu.Unlock()
	entries, err := l.readSegment(s, point, from, until, limit, maxBytes)
	return entries, nil, err
}

// fit returns the first entries up to maxBytes, at least one.
func fit(entries []order.Entry, maxBytes int) []order.Entry {
	size := 0
	for i, e := range entries {
		if size += len(e.Bytes); size >= maxBytes {
			return entries[:i+1]
		}
	}
	return entries
}

// find returns the segment that holds the offset, where its records end and,
// for the last one, at which byte; -1 where the file's size tells.
func (l *Log) find(offset uint64) (s *segment, until uint64, limit int64) {
	i := len(l.segments) - 1
	for l.segments[i].base > offset {
		i--
	}
	if i == len(l.segments)-1 {
		return l.segments[i], l.end, l.bytes
	}
	return l.segments[i], l.segments[i+1].base, -1
}

func (l *Log) readSegment(s *segment, point indexPoint, from, until uint64, limit int64, maxBytes int) ([]order.Entry, error) {
	if limit < 0 {
		info, err := s.file.Stat()
		if err != nil {
			return nil, fmt.Errorf("stat %s: %w", s.path, err)
		}
		limit = info.Size()
	}
	scan := scanner{
		file: s.file, seed: s.seed, maxRecord: order.MaxRecordBytes, offset: point.offset,
		pos: point.pos, end: limit, chunk: readChunk,
	}
	var entries []order.Entry
	var points []indexPoint
	for size := 0; size < max(maxBytes, 1) && scan.offset < until; {
		at := indexPoint{offset: scan.offset, pos: scan.pos}
		f, err := scan.next()
		switch {
		case errors.Is(err, errBadFrame), errors.Is(err, io.EOF):
			return nil, &order.CorruptError{File: s.path, Offset: scan.offset, Reason: fmt.Sprintf("byte %d: %v", scan.pos, err)}
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", s.path, err)
		}
		points = append(points, at)
		if f.offset < from {
			continue
		}
		entries = append(entries, order.Entry{Offset: f.offset, Bytes: slices.Clone(f.payload)})
		size += len(f.payload)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range points {
		s.note(p)
	}
	return entries, nil
}
