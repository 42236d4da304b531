package ca

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// register is the records, in the order in which they came, and the file that
// holds them.
type register struct {
	path    string
	file    *os.File
	records map[ledger.ID]*Record
	order   []ledger.ID
	keys    map[ledger.Digest]ledger.ID // whose a key is
}

// openRegister reads the file; a last line without an end is cut off
// (invariant 4).
func openRegister(path string) (_ *register, err error) {
	file, err := durable.OpenFile(path, os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	r := &register{path: path, file: file, records: map[ledger.ID]*Record{}, keys: map[ledger.Digest]ledger.ID{}}
	lines := bufio.NewReaderSize(file, maxLineBytes)
	whole := int64(0)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: line %d: %w", path, n, err)
		}
		record := &Record{}
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(record); err != nil {
			return nil, fmt.Errorf("read %s: line %d: %w", path, n, err)
		}
		r.remember(record)
		whole += int64(len(line))
	}
	if err := file.Truncate(whole); err != nil {
		return nil, fmt.Errorf("cut the torn end of %s: %w", path, err)
	}
	return r, nil
}

func (r *register) remember(record *Record) {
	if _, known := r.records[record.ID]; !known {
		r.order = append(r.order, record.ID)
	}
	r.records[record.ID] = record
	r.keys[record.Key] = record.ID
}

// save appends the records, durably.
func (r *register) save(records ...*Record) error {
	var text bytes.Buffer
	for _, record := range records {
		line, err := json.Marshal(record)
		if err != nil {
			return err
		}
		if len(line) >= maxLineBytes {
			return fmt.Errorf("write %s: a record of %d bytes, at most %d are allowed", r.path, len(line), maxLineBytes)
		}
		text.Write(append(line, '\n'))
	}
	if _, err := r.file.Write(text.Bytes()); err != nil {
		return fmt.Errorf("write %s: %w", r.path, err)
	}
	if err := r.file.Sync(); err != nil {
		return fmt.Errorf("write %s: %w", r.path, err)
	}
	for _, record := range records {
		r.remember(record)
	}
	return nil
}

// compact writes the file anew with the last line of each record, so that what
// was erased is in no older line.
func (r *register) compact() error {
	var text bytes.Buffer
	for _, id := range r.order {
		line, err := json.Marshal(r.records[id])
		if err != nil {
			return err
		}
		text.Write(append(line, '\n'))
	}
	if err := durable.WriteFile(r.path, text.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", r.path, err)
	}
	old := r.file
	var err error
	if r.file, err = durable.OpenFile(r.path, os.O_RDWR|os.O_APPEND, 0o600); err != nil {
		r.file = old
		return err
	}
	return old.Close()
}

func (r *register) close() error { return r.file.Close() }
