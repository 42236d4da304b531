package auditlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// Act is what somebody did.
type Act struct {
	Member  ledger.ID `json:"member"`         // who
	Token   ledger.ID `json:"token,omitzero"` // by which token, zero where the member's own key signed the request
	Act     string    `json:"act"`            // such as "token.create" or "identity.freeze"
	Subject string    `json:"subject"`        // the token or transaction
	Outcome string    `json:"outcome"`        // "ok", or the code of the problem
}

// line is an act in its place.
type line struct {
	N    uint64    `json:"n"` // from 1
	Time time.Time `json:"time"`
	Act
	Previous ledger.Digest `json:"previous"` // SHA-256 of the line before, its end not counted
}

// maxLine bounds a line, in bytes.
const maxLine = 4 << 10

// Log is open for more acts. It is safe for concurrent use.
type Log struct {
	now  func() time.Time
	lock io.Closer

	mu     sync.Mutex
	file   *os.File
	head   Head
	failed error
}

// Open opens the log at path, makes it where there is none, and keeps other
// processes from it.
func Open(path string, chain ledger.Digest, now func() time.Time) (_ *Log, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	lock, err := vfs.Default.Lock(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("open the audit log: does another node run with it? %w", err)
	}
	l := &Log{now: now, lock: lock}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open the audit log %s: %w", path, err), l.Close())
		}
	}()
	if l.file, err = durable.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	if l.head, err = Check(l.file, chain); err != nil {
		return nil, err
	}
	if err = l.file.Truncate(l.head.Bytes); err != nil {
		return nil, err
	}
	// The name must be as durable as the lines.
	return l, errors.Join(l.file.Sync(), durable.SyncDir(vfs.Default, filepath.Dir(path)))
}

// Record makes acts durable, in one write. They may be answered once it returns
// nil.
func (l *Log) Record(acts ...Act) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return fmt.Errorf("write the audit log: it failed before; start the node again: %w", l.failed)
	}
	var text []byte
	head := l.head
	for _, a := range acts {
		b, err := json.Marshal(&line{N: head.Lines + 1, Time: l.now().UTC(), Act: a, Previous: head.Digest})
		if err != nil {
			return fmt.Errorf("write the audit log: %w", err)
		}
		if len(b) >= maxLine {
			return fmt.Errorf("write the audit log: a line of %d bytes, at most %d are allowed", len(b), maxLine-1)
		}
		head = Head{Lines: head.Lines + 1, Digest: ledger.Hash(b), Bytes: head.Bytes + int64(len(b)) + 1}
		text = append(append(text, b...), '\n')
	}
	if _, l.failed = l.file.Write(text); l.failed == nil {
		l.failed = l.file.Sync()
	}
	if l.failed != nil {
		return fmt.Errorf("write the audit log: %w", l.failed)
	}
	l.head = head
	return nil
}

// Head returns where the log ends.
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Close lets others open the log.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if l.file != nil {
		err = l.file.Close()
	}
	l.failed = errors.Join(l.failed, os.ErrClosed)
	return errors.Join(err, l.lock.Close())
}
