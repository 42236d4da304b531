package registry

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Bounds of what a registry takes.
const (
	MaxValueBytes = 4 << 10
	MaxEntries    = 1000 // under one prefix
	MinTerm       = time.Second
	MaxTerm       = time.Hour
)

// Entry is what stands under a key. Its revision grows with each change.
type Entry struct {
	Key      string
	Value    []byte
	Revision uint64
}

// Absent is the revision of a key that is not there, Any stands for all.
const (
	Absent uint64 = 0
	Any    uint64 = 1<<64 - 1
)

// Registry is shared by all who open the same. Its methods are safe for
// concurrent use.
type Registry interface {
	// Put sets a value for good if the key stands at that revision, and returns
	// the new one. [ErrConflict].
	Put(ctx context.Context, key string, value []byte, at uint64) (uint64, error)
	// Hold sets the value of a key that is absent, keeps it there until ctx
	// ends, and then removes it and returns nil. If the holder dies, it goes
	// within the term. [ErrConflict] where the key is there, [ErrLost] where it
	// could not be kept.
	Hold(ctx context.Context, key string, value []byte, term time.Duration) error
	// List returns what stands under keys with the prefix, keys ascending.
	List(ctx context.Context, prefix string) ([]Entry, error)
	// Watch shows what stands under keys with the prefix, at once and after
	// changes, until ctx ends (its error is returned) or see returns an error.
	Watch(ctx context.Context, prefix string, see func([]Entry) error) error
}

// What callers can act on.
var (
	// ErrConflict: the key stands at another revision; look and try again.
	ErrConflict = errors.New("key stands at another revision")
	// ErrLost: somebody else removed or took what was held; hold it again.
	ErrLost = errors.New("hold was lost")
	// ErrTooMany: there are too many entries; remove some.
	ErrTooMany = errors.New("too many entries")
	// ErrClosed: the registry was closed.
	ErrClosed = errors.New("registry is closed")
)

var keyForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9._/-]{0,198}[a-z0-9])?$`)

// CheckKey refuses what is no key: lower-case letters, digits and . _ / -,
// at most 200, a letter or digit first and last.
func CheckKey(key string) error {
	if !keyForm.MatchString(key) {
		return fmt.Errorf("key %.60q: want 1 to 200 lower-case letters, digits and . _ / -, a letter or digit first and last", key)
	}
	return nil
}

// Check refuses what a driver must not take.
func Check(key string, value []byte) error {
	if len(value) > MaxValueBytes {
		return fmt.Errorf("key %.60q: the value has %d bytes, at most %d are taken", key, len(value), MaxValueBytes)
	}
	return CheckKey(key)
}

// CheckHold is Check for Hold.
func CheckHold(key string, value []byte, term time.Duration) error {
	if term < MinTerm || term > MaxTerm {
		return fmt.Errorf("key %.60q: a term of %s, want %s to %s", key, term, MinTerm, MaxTerm)
	}
	return Check(key, value)
}
