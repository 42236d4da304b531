package order

import (
	"context"
	"errors"
	"fmt"

	"github.com/librum/librum/chain/ledger"
)

// MaxRecordBytes is the longest record that any log takes.
const MaxRecordBytes = ledger.MaxRecordBytes

// Entry is a record at its place. Readers share the bytes and must not change
// them.
type Entry struct {
	Offset uint64
	Bytes  []byte
}

// Log is an append-only sequence of records. Its methods are safe for
// concurrent use.
type Log interface {
	// Append returns the record's offset once the record is durable. The
	// record may be used again when Append returns. After an error, that of
	// ctx included, the record may or may not be on the log.
	Append(ctx context.Context, record []byte) (uint64, error)
	// Read waits until a record at from exists and returns consecutive entries
	// starting there: at least one, and no more after maxBytes are reached.
	Read(ctx context.Context, from uint64, maxBytes int) ([]Entry, error)
	// End returns the offset that the next record will get.
	End(ctx context.Context) (uint64, error)
	// Trim allows the log to forget records before that offset. It forgets
	// what is convenient, such as whole segments; offsets stay as they are.
	Trim(ctx context.Context, before uint64) error
	// Topic names this log: 16 random bytes from when it was made.
	Topic() ledger.ID
}

// What callers can act on.
var (
	// ErrTrimmed: the records asked for are gone; restore from a snapshot.
	ErrTrimmed = errors.New("records were trimmed from the log")
	// ErrCorrupt: an acknowledged record can't be read; stop and show it to an
	// operator. The error is a [CorruptError].
	ErrCorrupt = errors.New("log is corrupt")
	// ErrClosed: the log was closed.
	ErrClosed = errors.New("log is closed")
	// ErrTooLarge: the record is longer than the log takes; split the batch.
	ErrTooLarge = errors.New("record is too large for the log")
	// ErrFailed: a write failed and the log takes no more, because what is on
	// the disk is no longer known; close it and open it again.
	ErrFailed = errors.New("log stopped after a failed write")
)

// CorruptError says where a log is corrupt.
type CorruptError struct {
	File   string // the file, or what stands for one
	Offset uint64 // of the first record that can't be trusted
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("log is corrupt at offset %d in %s: %s; restore the file from a copy, do not cut it", e.Offset, e.File, e.Reason)
}

// Unwrap lets errors.Is(err, ErrCorrupt) hold.
func (e *CorruptError) Unwrap() error { return ErrCorrupt }
