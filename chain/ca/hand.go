package ca

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// A certificate counts wherever somebody has it, so that nobody may have one that
// the register does not know: it could never be revoked. It is written under
// another name, then the register is, then it gets its own name; a crash between
// the last two is made good by the next command (invariant 7).

const stagedSuffix = ".next"

func (d dir) staged(id ledger.ID) string {
	return filepath.Join(d.certificates(), id.String()+stagedSuffix)
}

// hand saves records and gives away their certificates.
func (o *Office) hand(records []*Record, certificates [][]byte) (err error) {
	saved := false
	defer func() {
		for i := range records {
			if err != nil && !saved {
				err = errors.Join(err, o.unstage(records[i].ID))
			}
		}
	}()
	for i, r := range records {
		if err := o.stage(r.ID, certificates[i]); err != nil { //nolint:gosec // one for each record
			return fmt.Errorf("write the certificate of %s: %w", r.ID, err)
		}
	}
	if err := o.register.save(records...); err != nil {
		return err
	}
	saved = true
	for _, r := range records {
		if err := os.Rename(o.dir.staged(r.ID), o.dir.certificate(r.ID)); err != nil {
			return fmt.Errorf("give away the certificate of %s: %w", r.ID, err)
		}
	}
	return nil
}

// stage writes a certificate that nobody may have yet. It is not synced: where a
// loss of power takes it, the record is there, and renews.
func (o *Office) stage(id ledger.ID, text []byte) (err error) {
	file, err := durable.OpenFile(o.dir.staged(id), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = file.Write(text)
	return err
}

func (o *Office) unstage(id ledger.ID) error {
	err := os.Remove(o.dir.staged(id))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// recover ends what a crash has left half done.
func (o *Office) recover() error {
	names, err := fs.Glob(os.DirFS(o.dir.certificates()), "*"+stagedSuffix)
	if err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(o.dir.certificates(), name)
		id, err := ledger.ParseID(strings.TrimSuffix(name, stagedSuffix))
		if err != nil {
			continue // nothing of ours
		}
		if o.registered(id, path) {
			err = os.Rename(path, o.dir.certificate(id))
		} else {
			err = os.Remove(path)
		}
		if err != nil {
			return fmt.Errorf("end what was broken off: %w", err)
		}
	}
	return nil
}

// registered reports whether the register has the certificate in a file.
func (o *Office) registered(id ledger.ID, path string) bool {
	record, ok := o.register.records[id]
	if !ok {
		return false
	}
	text, err := durable.ReadFile(path, cert.MaxFileBytes)
	if err != nil {
		return false
	}
	all, err := cert.ParseCertificates(text)
	return err == nil && all[0].SerialNumber.Text(16) == record.Serial
}
