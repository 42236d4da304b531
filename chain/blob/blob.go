package blob

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/librum/librum/chain/ledger"
)

// Store keeps content by digest. Its methods are safe for concurrent use.
type Store interface {
	// Put keeps what r yields, at most limit bytes, and returns its digest and
	// size. [ErrTooLarge] where r yields more.
	Put(ctx context.Context, r io.Reader, limit int64) (ledger.Digest, int64, error)
	// PutDigest is Put for content whose digest is known. [ErrDigest] where r
	// yields something else, which is not kept.
	PutDigest(ctx context.Context, want ledger.Digest, r io.Reader, limit int64) (int64, error)
	// Get opens content for reading; the caller closes it. [ErrNotFound].
	Get(ctx context.Context, digest ledger.Digest) (Blob, error)
	// Has returns the size of content, or false where it is not there. It does
	// not read it.
	Has(ctx context.Context, digest ledger.Digest) (int64, bool, error)
	// Delete forgets content; who has it open may read on. [ErrNotFound].
	Delete(ctx context.Context, digest ledger.Digest) error

	Uploads
}

// Uploads gathers content in parts that survive a restart.
type Uploads interface {
	// Partial returns how many bytes of the upload are durable. [ErrNotFound]
	// before its first part.
	Partial(ctx context.Context, id ledger.ID) (int64, error)
	// Append adds what r yields to the upload at offset, which must be its
	// length (an [OffsetError] says what it is); offset 0 begins it. limit
	// bounds the whole upload. It returns the new length, also beside an error
	// from r: what came before the error is kept.
	Append(ctx context.Context, id ledger.ID, offset int64, r io.Reader, limit int64) (int64, error)
	// Finish makes the upload content and returns its size. [ErrDigest] where
	// its digest is not want; the upload is then dropped.
	Finish(ctx context.Context, id ledger.ID, want ledger.Digest) (int64, error)
	// Discard drops the upload. [ErrNotFound].
	Discard(ctx context.Context, id ledger.ID) error
}

// Blob is open content. ReadAt is safe for concurrent use.
type Blob interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// What callers can act on.
var (
	// ErrNotFound: no such content or upload; fetch it elsewhere.
	ErrNotFound = errors.New("blob not found")
	// ErrTooLarge: there is more than the limit allows.
	ErrTooLarge = errors.New("blob is too large")
	// ErrDigest: the content is not what was announced.
	ErrDigest = errors.New("blob has another digest")
	// ErrCorrupt: what is stored is no longer what was put; put it again. The
	// error is a [CorruptError].
	ErrCorrupt = errors.New("blob is corrupt")
	// ErrOffset: the part does not follow what is there. The error is an
	// [OffsetError].
	ErrOffset = errors.New("part does not follow the upload")
	// ErrBusy: another part of the upload is being written; try again.
	ErrBusy = errors.New("upload is busy")
	// ErrTooMany: too many uploads are unfinished; finish or discard some.
	ErrTooMany = errors.New("too many unfinished uploads")
	// ErrFull: the disk is full; free some space and try again.
	ErrFull = errors.New("no space left for blobs")
	// ErrLocked: the store is open elsewhere.
	ErrLocked = errors.New("blob store is in use")
	// ErrClosed: the store or the blob was closed.
	ErrClosed = errors.New("blob store is closed")
)

// CorruptError names the content that is corrupt.
type CorruptError struct {
	Digest ledger.Digest
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("blob %s is corrupt: %s; put it again", e.Digest, e.Reason)
}

// Unwrap lets errors.Is(err, ErrCorrupt) hold.
func (e *CorruptError) Unwrap() error { return ErrCorrupt }

// OffsetError says how long an upload is.
type OffsetError struct {
	Got, Have int64
}

func (e *OffsetError) Error() string {
	return fmt.Sprintf("part starts at byte %d, the upload has %d; go on from there", e.Got, e.Have)
}

// Unwrap lets errors.Is(err, ErrOffset) hold.
func (e *OffsetError) Unwrap() error { return ErrOffset }
