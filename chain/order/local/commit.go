package local

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/librum/librum/chain/order"
)

const (
	// maxGroupBytes bounds one write: disks throttle larger bursts.
	maxGroupBytes = 1 << 20
	queueLength   = 256
	// idleSync is how long after the last commit the acknowledged end is made
	// durable by itself. While records keep coming, they carry it.
	idleSync = 50 * time.Millisecond
)

// request is a record on its way to the committer.
type request struct {
	record []byte
	done   chan outcome // holds one
}

type outcome struct {
	offset uint64
	err    error
}

// Append implements [order.Log].
func (l *Log) Append(ctx context.Context, record []byte) (uint64, error) {
	if l.opts.ReadOnly {
		return 0, fmt.Errorf("append record: %w", ErrReadOnly)
	}
	if len(record) > l.opts.MaxRecordBytes {
		return 0, fmt.Errorf("append record: %w: %d bytes, at most %d are allowed", order.ErrTooLarge, len(record), l.opts.MaxRecordBytes)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("append record: %w", err)
	}
	// The copy outlives the call: a caller may give up, and readers share it.
	r := request{record: slices.Clone(record), done: make(chan outcome, 1)}
	select {
	case l.queue <- r:
	case <-l.stop:
		return 0, fmt.Errorf("append record: %w", order.ErrClosed)
	case <-ctx.Done():
		return 0, fmt.Errorf("append record: %w", ctx.Err())
	}
	select {
	case o := <-r.done:
		return o.offset, o.err
	case <-ctx.Done():
		return 0, fmt.Errorf("wait for record to be durable: %w", ctx.Err())
	case <-l.stopped:
	}
	select { // it may have been answered just before the committer ended
	case o := <-r.done:
		return o.offset, o.err
	default:
		return 0, fmt.Errorf("append record: %w", order.ErrClosed)
	}
}

// commitLoop writes what is queued, a group at a time, until Close.
func (l *Log) commitLoop() {
	defer close(l.stopped)
	idle := time.NewTimer(idleSync)
	defer idle.Stop()
	var group []request
	var frames []byte
	var held *request // taken from the queue, did not fit the group
	for {
		group = group[:0]
		if held != nil {
			group = append(group, *held)
		} else {
			select {
			case <-l.stop:
				return
			case <-idle.C:
				if err := l.acked.sync(); err != nil {
					_ = l.poison(err) // whoever appends next is told
				}
				continue
			case r := <-l.queue:
				group = append(group, r)
			}
		}
		group, held = l.gather(group)
		frames = l.commit(group, frames[:0])
		clear(group) // let the records go
		idle.Reset(idleSync)
	}
}

// gather takes what else is queued while it fits into one write.
func (l *Log) gather(group []request) ([]request, *request) {
	size := frameHeaderSize + len(group[0].record)
	for {
		select {
		case r := <-l.queue:
			size += frameHeaderSize + len(r.record)
			if size > maxGroupBytes {
				return group, &r
			}
			group = append(group, r)
		default:
			return group, nil
		}
	}
}

// commit makes the group durable, shows it to readers and answers its callers.
// It returns the buffer of frames for the next commit.
func (l *Log) commit(group []request, frames []byte) []byte {
	first, frames, err := l.write(group, frames)
	for i, r := range group {
		if err != nil {
			r.done <- outcome{err: fmt.Errorf("append record: %w", err)}
			continue
		}
		r.done <- outcome{offset: first + uint64(i)}
	}
	return frames
}

func (l *Log) write(group []request, frames []byte) (uint64, []byte, error) {
	l.mu.Lock()
	failure, first, pos := l.failure, l.end, l.bytes
	active := l.segments[len(l.segments)-1]
	l.mu.Unlock()
	if failure != nil {
		return 0, frames, failure
	}
	size := int64(0)
	for _, r := range group {
		size += frameHeaderSize + int64(len(r.record))
	}
	if pos > segmentHeaderSize && pos+size > l.opts.SegmentBytes {
		next, err := l.roll(first, active.base)
		if err != nil {
			return 0, frames, l.poison(err)
		}
		active, pos = next, segmentHeaderSize
	}
	for i, r := range group {
		frames = appendFrame(frames, active.seed, frame{offset: first + uint64(i), acked: first, payload: r.record})
	}
	if _, err := active.file.WriteAt(frames, pos); err != nil {
		return 0, frames, l.poison(fmt.Errorf("write records from offset %d to %s: %w", first, active.path, err))
	}
	if err := active.file.SyncData(); err != nil {
		return 0, frames, l.poison(fmt.Errorf("sync records from offset %d in %s: %w", first, active.path, err))
	}
	if err := l.acked.set(first + uint64(len(group))); err != nil {
		return 0, frames, l.poison(err)
	}
	l.publish(active, group, pos)
	return first, frames, nil
}

// poison ends the log for writers. After a failed sync the kernel may have
// dropped the pages and call the next sync a success, so nothing is tried
// again (Rebello et al., "Can applications recover from fsync failures?",
// USENIX ATC 2020).
func (l *Log) poison(err error) error {
	err = fmt.Errorf("%w: %w", order.ErrFailed, err)
	l.opts.Logger.Error("log takes no more records", "dir", l.dir, "err", err)
	l.fail(err)
	return err
}

// roll begins the next segment. What the full one holds is durable; the
// acknowledged end becomes so.
func (l *Log) roll(base, previous uint64) (*segment, error) {
	if err := l.acked.sync(); err != nil {
		return nil, err
	}
	salt, err := newSalt(l.opts.Rand)
	if err != nil {
		return nil, err
	}
	s, err := publishSegment(l.fs, l.dir, segmentHeader{topic: l.topic, base: base, previous: previous, salt: salt}, nil)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.segments = append(slices.Clip(l.segments), s)
	l.bytes = segmentHeaderSize
	return s, nil
}

// publish shows a durable group to readers.
func (l *Log) publish(active *segment, group []request, pos int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range group {
		active.note(indexPoint{offset: l.end, pos: pos})
		pos += frameHeaderSize + int64(len(r.record))
		l.tail = append(l.tail, order.Entry{Offset: l.end, Bytes: r.record})
		l.tailSize += len(r.record)
		l.end++
	}
	l.bytes = pos
	drop := 0
	for l.tailSize > l.opts.TailBytes && drop < len(l.tail) {
		l.tailSize -= len(l.tail[drop].Bytes)
		drop++
	}
	// Readers hold copies of the entries, so they may be cleared here.
	clear(l.tail[:drop])
	l.tail = l.tail[drop:]
	close(l.grown)
	l.grown = make(chan struct{})
}

func newSalt(r io.Reader) (uint64, error) {
	var b [8]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, errors.Join(errors.New("draw segment salt"), err)
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}
