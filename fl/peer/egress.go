package peer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// Departure is one line of the egress log: a file that is about to leave.
type Departure struct {
	Time        time.Time     `json:"time"`
	Digest      ledger.Digest `json:"digest"` // SHA-256 of the file
	Size        uint64        `json:"size"`   // bytes
	To          string        `json:"to"`     // URL of the node
	Chain       ledger.Digest `json:"chain"`
	Peer        ledger.ID     `json:"peer"`
	Job         ledger.Digest `json:"job"`
	Creator     ledger.ID     `json:"creator"` // of the job
	Round       uint64        `json:"round"`
	Attempt     uint64        `json:"attempt"`
	NumExamples uint64        `json:"num_examples"` // as told beside the file
	Rule        string        `json:"rule"`         // by which it is allowed
	Policy      ledger.Digest `json:"policy"`       // SHA-256 of the policy file
}

// Egress is the log of what leaves, a JSON object a line. A line is durable
// before its file begins to leave, so that nothing leaves unlisted; a file whose
// upload was broken off or repeated stands there all the same, each time.
type Egress struct {
	file   *os.File
	lock   io.Closer
	jobs   map[ledger.Digest]bool
	failed error // of a write: what the file holds since is not known
}

// maxDeparture bounds a line, in bytes.
const maxDeparture = 8 << 10

// ErrEgress tells that an egress log holds what no peer wrote.
var ErrEgress = errors.New("damaged egress log")

// OpenEgress opens the log at path, makes it where there is none, and keeps
// other processes from it. A last line without an end was never durable: the
// file it speaks of did not leave, and the line is cut off.
func OpenEgress(path string) (_ *Egress, err error) {
	lock, err := vfs.Default.Lock(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("open the egress log: does another peer run with it? %w", err)
	}
	e := &Egress{lock: lock}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open the egress log %s: %w", path, err), e.Close())
		}
	}()
	if e.file, err = durable.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	departures, whole, err := readDepartures(e.file)
	if err != nil {
		return nil, err
	}
	if err = e.file.Truncate(whole); err != nil {
		return nil, err
	}
	e.jobs = map[ledger.Digest]bool{}
	for _, d := range departures {
		e.jobs[d.Job] = true
	}
	// The name must be as durable as the lines.
	if err = errors.Join(e.file.Sync(), durable.SyncDir(vfs.Default, filepath.Dir(path))); err != nil {
		return nil, err
	}
	return e, nil
}

// ReadEgress returns the lines of an egress log.
func ReadEgress(r io.Reader) ([]Departure, error) {
	departures, _, err := readDepartures(r)
	return departures, err
}

// readDepartures returns the lines and how many bytes the whole ones have.
func readDepartures(r io.Reader) (departures []Departure, whole int64, err error) {
	lines := bufio.NewReaderSize(r, maxDeparture)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return departures, whole, nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, 0, fmt.Errorf("%w: line %d is longer than %d bytes", ErrEgress, n, maxDeparture)
		}
		if err != nil {
			return nil, 0, err
		}
		var d Departure
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&d); err != nil {
			return nil, 0, fmt.Errorf("%w: line %d: %w", ErrEgress, n, err)
		}
		if d.Job.IsZero() || d.Digest.IsZero() {
			return nil, 0, fmt.Errorf("%w: line %d names no job or no file", ErrEgress, n)
		}
		departures = append(departures, d)
		whole += int64(len(line))
	}
}

// OtherJobs returns to how many jobs, the given one aside, files have left.
func (e *Egress) OtherJobs(job ledger.Digest) int {
	n := len(e.jobs)
	if e.jobs[job] {
		n--
	}
	return n
}

// Record makes a line durable. The file may leave once it returns nil. After a
// write that failed nothing more is recorded, hence nothing leaves, until the
// log is opened again: a line must not be joined to half of another, and a sync
// that failed may have dropped what a second one would call durable.
func (e *Egress) Record(d Departure) error {
	if e.failed != nil {
		return fmt.Errorf("write the egress log: it failed before; start the peer again: %w", e.failed)
	}
	line, err := json.Marshal(&d)
	if err != nil {
		return err
	}
	if len(line) >= maxDeparture {
		return fmt.Errorf("write the egress log: a line of %d bytes, at most %d are allowed", len(line), maxDeparture-1)
	}
	if _, e.failed = e.file.Write(append(line, '\n')); e.failed == nil {
		e.failed = e.file.Sync()
	}
	if e.failed != nil {
		return fmt.Errorf("write the egress log: %w", e.failed)
	}
	e.jobs[d.Job] = true
	return nil
}

// Close lets others open the log.
func (e *Egress) Close() error {
	var err error
	if e.file != nil {
		err = e.file.Close()
	}
	return errors.Join(err, e.lock.Close())
}
