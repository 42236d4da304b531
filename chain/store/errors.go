package store

import (
	"errors"
	"fmt"
)

// What callers can act on.
var (
	// ErrNotFound: the store has no such block or header.
	ErrNotFound = errors.New("not found in the store")
	// ErrNotApplied: the height asked for is not applied yet; wait or ask for
	// a lower one.
	ErrNotApplied = errors.New("height is not applied yet")
	// ErrPruned: the height lies below the floor of the store; ask a node that
	// keeps more.
	ErrPruned = errors.New("pruned: this store does not go back so far")
	// ErrPartial: restoring the store was not finished. Remove it and restore
	// again.
	ErrPartial = errors.New("restoring this store was not finished; remove it and restore again")
	// ErrConflict: the node has signed something else at this height. Keep
	// both, they are evidence.
	ErrConflict = errors.New("a different signature is stored for this height and node")
	// ErrWrongOwner: the store belongs to another chain, shard or node. The
	// error is an [OwnerError].
	ErrWrongOwner = errors.New("store belongs to another")
	// ErrWrongHeight: the commit is not the next one. The error is a
	// [HeightError].
	ErrWrongHeight = errors.New("commit is not the next one")
	// ErrBadCommit: the commit has the wrong form, a fault of the caller. The
	// error is a [CommitError].
	ErrBadCommit = errors.New("commit has the wrong form")
	// ErrLocked: the store is open elsewhere.
	ErrLocked = errors.New("store is in use")
	// ErrAway: the store did not answer for as long as its driver was patient.
	// Nothing is lost; ask again.
	ErrAway = errors.New("store does not answer")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("store is closed")
	// ErrCorrupt: what is stored can't be read; restore the node from a
	// snapshot or its peers.
	ErrCorrupt = errors.New("store is corrupt")
	// ErrFailed: a write failed, for want of space for instance, and what is on
	// the disk is no longer known; close the store and open it again.
	ErrFailed = errors.New("store stopped after a failed write")
	// ErrReadOnly: the store was opened for reading.
	ErrReadOnly = errors.New("store is open for reading only")
)

// OwnerError says whose a store is.
type OwnerError struct {
	Field      string // "chain", "shard" or "node"
	Have, Want string // stored, asked for
}

func (e *OwnerError) Error() string {
	return fmt.Sprintf("store belongs to another %s: %s, want %s; give this node a directory or keyspace of its own", e.Field, e.Have, e.Want)
}

// Unwrap lets errors.Is(err, ErrWrongOwner) hold.
func (e *OwnerError) Unwrap() error { return ErrWrongOwner }

// HeightError says which height is next.
type HeightError struct {
	Got, Want uint64
}

func (e *HeightError) Error() string {
	return fmt.Sprintf("commit has height %d, the next one is %d", e.Got, e.Want)
}

// Unwrap lets errors.Is(err, ErrWrongHeight) hold.
func (e *HeightError) Unwrap() error { return ErrWrongHeight }

// CommitError says what is wrong with a commit.
type CommitError struct {
	Height uint64
	Field  string
	Reason string
}

func (e *CommitError) Error() string {
	return fmt.Sprintf("commit %d: %s: %s", e.Height, e.Field, e.Reason)
}

// Unwrap lets errors.Is(err, ErrBadCommit) hold.
func (e *CommitError) Unwrap() error { return ErrBadCommit }
