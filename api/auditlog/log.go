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
	path string
	now  func() time.Time
	lock io.Closer
	most int64 // bytes of a file, as a last act passes it

	mu     sync.Mutex
	file   *os.File
	begin  Head // of the file
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
	l := &Log{path: path, now: now, lock: lock, most: MaxFileBytes}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open the audit log %s: %w", path, err), l.Close())
		}
	}()
	begin, files, err := headBefore(path, Head{Digest: chain})
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		if begin, err = followFile(name, begin); err != nil {
			return nil, err
		}
	}
	l.begin = begin
	if l.file, err = durable.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	if l.head, err = follow(l.file, l.begin); err != nil {
		return nil, err
	}
	if err = l.file.Truncate(l.head.Bytes - l.begin.Bytes); err != nil {
		return nil, err
	}
	// The name must be as durable as the lines.
	return l, errors.Join(l.file.Sync(), durable.SyncDir(vfs.Default, filepath.Dir(path)))
}

// followFile follows a full file to its end, which is that of a line.
func followFile(name string, begin Head) (Head, error) {
	f, err := durable.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return begin, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	head, err := follow(f, begin)
	if err != nil {
		return head, fmt.Errorf("%s: %w", name, err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() != head.Bytes-begin.Bytes {
		err = fmt.Errorf("%w: %s ends within a line", ErrDamaged, name)
	}
	return head, err
}

// rotate goes on in a new file, which begins where this one ends. A node that is
// killed meanwhile finds the one or the other.
func (l *Log) rotate() error {
	if err := os.Rename(l.path, rotated(l.path, l.begin.Lines+1)); err != nil {
		return err
	}
	next, err := durable.OpenFile(l.path, os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	old := l.file
	l.file, l.begin = next, l.head
	return errors.Join(old.Close(), durable.SyncDir(vfs.Default, filepath.Dir(l.path)))
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
	if l.head.Bytes-l.begin.Bytes >= l.most {
		l.failed = l.rotate()
	}
	if l.failed == nil {
		_, l.failed = l.file.Write(text)
	}
	if l.failed == nil {
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
