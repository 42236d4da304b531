package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/internal/durable"
)

// ErrLocked says that another process, or another log of this one, has the
// directory open.
var ErrLocked = errors.New("log directory is in use")

// ErrReadOnly says that the log was opened for reading.
var ErrReadOnly = errors.New("log is open for reading only")

// Options tune a log. The zero value is good.
type Options struct {
	// SegmentBytes is the size at which a segment file is closed and the next
	// begun. 0 stands for 64 MiB; at least 4 KiB.
	SegmentBytes int64
	// TailBytes is how much of the newest records stays in memory for
	// readers. 0 stands for 4 MiB.
	TailBytes int
	// MaxRecordBytes is the longest record taken, at most
	// [order.MaxRecordBytes], which 0 stands for.
	MaxRecordBytes int
	// Rand gives topic and salts. nil stands for crypto/rand.
	Rand io.Reader
	// Logger hears of cut tails. nil stands for none.
	Logger *slog.Logger
	// ReadOnly opens an existing log without changing anything: a log that a
	// process writes is refused.
	ReadOnly bool
}

func (o Options) withDefaults() (Options, error) {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 64 << 20
	}
	if o.TailBytes == 0 {
		o.TailBytes = 4 << 20
	}
	if o.MaxRecordBytes == 0 {
		o.MaxRecordBytes = order.MaxRecordBytes
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.SegmentBytes < 4<<10:
		return o, fmt.Errorf("segment size is %d bytes, want at least 4096", o.SegmentBytes)
	case o.TailBytes < 0:
		return o, fmt.Errorf("tail is %d bytes, want 0 or more", o.TailBytes)
	case o.MaxRecordBytes < 1 || o.MaxRecordBytes > order.MaxRecordBytes:
		return o, fmt.Errorf("longest record is %d bytes, want 1 to %d", o.MaxRecordBytes, order.MaxRecordBytes)
	}
	return o, nil
}

// Log is a log in a directory of this machine. It implements [order.Log].
type Log struct {
	fs    vfs.FS
	dir   string
	opts  Options
	topic ledger.ID
	lock  io.Closer

	queue     chan request
	stop      chan struct{} // closed by Close
	stopped   chan struct{} // closed when the committer has ended
	closeOnce sync.Once
	closeErr  error

	// Owned by the committer while it runs.
	acked *acked

	// files is held for reading while a segment file is read and for writing
	// while one is closed. It is taken before mu.
	files sync.RWMutex

	mu       sync.Mutex
	segments []*segment // ascending; the last takes the next records
	bytes    int64      // where the records of the last segment end
	end      uint64     // the offset of the next record
	tail     []order.Entry
	tailSize int
	grown    chan struct{} // closed and replaced when end moves or the log ends
	failure  error         // why the log takes no more, nil while it does
}

var _ order.Log = (*Log)(nil)

// Topic implements [order.Log].
func (l *Log) Topic() ledger.ID { return l.topic }

// End implements [order.Log].
func (l *Log) End(ctx context.Context) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.failure, order.ErrClosed) {
		return 0, l.failure
	}
	return l.end, nil
}

// First returns the offset of the oldest record that is kept, or that of the
// next one where there is none.
func (l *Log) First() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.segments) == 0 {
		return l.end
	}
	return l.segments[0].base
}

// Trim implements [order.Log]. It removes segment files, never the last one.
func (l *Log) Trim(ctx context.Context, before uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.opts.ReadOnly {
		return fmt.Errorf("trim log before offset %d: %w", before, ErrReadOnly)
	}
	l.files.Lock()
	defer l.files.Unlock()
	for {
		s, err := l.dropFirst(before)
		if err != nil || s == nil {
			return err
		}
		// One after the other, so that a crash leaves no gap.
		if err := errors.Join(s.file.Close(), l.fs.Remove(s.path)); err != nil {
			return fmt.Errorf("remove segment %s: %w", s.path, err)
		}
		if err := durable.SyncDir(l.fs, l.dir); err != nil {
			return err
		}
	}
}

// dropFirst takes the first segment out of the list if all its records lie
// before the offset.
func (l *Log) dropFirst(before uint64) (*segment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure != nil {
		return nil, l.failure
	}
	if len(l.segments) < 2 || l.segments[1].base > before {
		return nil, nil
	}
	s := l.segments[0]
	l.segments = l.segments[1:]
	return s, nil
}

// Close ends the log and waits for the commit under way. Whoever waits in
// Append or Read gets [order.ErrClosed]. Closing again does nothing.
func (l *Log) Close() error {
	l.closeOnce.Do(func() {
		close(l.stop)
		<-l.stopped
		l.fail(order.ErrClosed)
		l.closeErr = l.release()
	})
	return l.closeErr
}

// release closes all files and lets the lock go.
func (l *Log) release() error {
	l.files.Lock()
	defer l.files.Unlock()
	var errs []error
	if l.acked != nil {
		if !l.opts.ReadOnly {
			errs = append(errs, l.acked.sync())
		}
		errs = append(errs, l.acked.file.Close())
	}
	for _, s := range l.segments {
		errs = append(errs, s.file.Close())
	}
	errs = append(errs, l.lock.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close log %s: %w", l.dir, err)
	}
	return nil
}

// fail notes why the log ends and wakes all readers. ErrClosed replaces an
// earlier reason, nothing else does.
func (l *Log) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure == nil || errors.Is(err, order.ErrClosed) {
		l.failure = err
	}
	close(l.grown)
	l.grown = make(chan struct{})
}
