package ca

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

const saltBytes = 32

// Document is evidence as it is brought.
type Document struct {
	Name    string // of its file
	Content []byte
}

// seal encrypts a document behind its salt and returns what the register keeps
// of it. The file is durable, its name is not yet.
func (o *Office) seal(recipient age.Recipient, id ledger.ID, n int, doc *Document, random io.Reader) (_ Evidence, err error) {
	name := filepath.Base(filepath.ToSlash(doc.Name))
	if err := checkText("name of evidence", name, MaxNameBytes); err != nil {
		return Evidence{}, err
	}
	if len(doc.Content) > MaxEvidenceBytes {
		return Evidence{}, fmt.Errorf("evidence %q: %d bytes, at most %d are allowed", name, len(doc.Content), MaxEvidenceBytes)
	}
	var salt [saltBytes]byte
	if _, err := io.ReadFull(random, salt[:]); err != nil {
		return Evidence{}, fmt.Errorf("draw a salt: %w", err)
	}
	digest := sha256.New()
	_, _ = digest.Write(salt[:]) // a hash never fails to write
	_, _ = digest.Write(doc.Content)
	file, err := durable.OpenFile(o.dir.sealed(id, n), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return Evidence{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	plain, err := age.Encrypt(file, recipient)
	if err != nil {
		return Evidence{}, err
	}
	if _, err := io.Copy(plain, io.MultiReader(bytes.NewReader(salt[:]), bytes.NewReader(doc.Content))); err != nil {
		return Evidence{}, fmt.Errorf("encrypt evidence %q: %w", name, err)
	}
	if err := errors.Join(plain.Close(), file.Sync()); err != nil {
		return Evidence{}, fmt.Errorf("encrypt evidence %q: %w", name, err)
	}
	return Evidence{Name: name, Bytes: int64(len(doc.Content)), Digest: ledger.Digest(digest.Sum(nil))}, nil
}

// Evidence decrypts the documents of a record and checks them against their
// digests.
func (o *Office) Evidence(id ledger.ID, ask keyfile.Ask) ([]Document, error) {
	record, err := o.Record(id)
	if err != nil {
		return nil, err
	}
	if !record.Erased.IsZero() {
		return nil, fmt.Errorf("the evidence of %s was erased at %s", id, record.Erased.Format(time.RFC3339))
	}
	key, err := o.evidenceKey(ask)
	if err != nil {
		return nil, err
	}
	documents := make([]Document, len(record.Evidence))
	for n, e := range record.Evidence {
		b, err := durable.ReadFile(o.dir.sealed(id, n), MaxEvidenceBytes+1<<20)
		if err != nil {
			return nil, err
		}
		plain, err := age.Decrypt(bytes.NewReader(b), key)
		if err != nil {
			return nil, fmt.Errorf("decrypt evidence %d of %s: %w", n, id, err)
		}
		content, err := io.ReadAll(io.LimitReader(plain, MaxEvidenceBytes+saltBytes+1))
		if err != nil {
			return nil, fmt.Errorf("decrypt evidence %d of %s: %w", n, id, err)
		}
		if len(content) < saltBytes || ledger.Hash(content) != e.Digest {
			return nil, fmt.Errorf("evidence %d of %s is not what was sealed: its digest differs from the register's", n, id)
		}
		documents[n] = Document{Name: e.Name, Content: content[saltBytes:]}
	}
	return documents, nil
}

func (o *Office) evidenceKey(ask keyfile.Ask) (age.Identity, error) {
	b, err := durable.ReadFile(o.dir.evidenceKey(), 16<<10)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(b, []byte(armor.Header)) {
		if b, err = keyfile.Decrypt(o.dir.evidenceKey(), b, ask); err != nil {
			return nil, err
		}
	}
	key, err := age.ParseX25519Identity(string(bytes.TrimSpace(b)))
	if err != nil {
		return nil, fmt.Errorf("read %s: not an age key", o.dir.evidenceKey())
	}
	return key, nil
}

// Erase deletes evidence, its salts and the name of a record. The digests stay
// on the ledger, tied to nothing (invariant 2).
func (o *Office) Erase(id ledger.ID, now time.Time) error {
	record, err := o.Record(id)
	if err != nil {
		return err
	}
	if record.Status == StatusPending {
		return fmt.Errorf("%w: %s is pending; approve or revoke it first", ErrStatus, id)
	}
	for n := range record.Evidence {
		if err := os.Remove(o.dir.sealed(id, n)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := durable.SyncDir(vfs.Default, o.dir.evidenceFolder()); err != nil {
		return err
	}
	after := *record
	after.Name, after.Reason, after.Erased = "", "", now
	after.Evidence = make([]Evidence, len(record.Evidence))
	for n, e := range record.Evidence {
		after.Evidence[n] = Evidence{Digest: e.Digest}
	}
	if err := o.register.save(&after); err != nil {
		return err
	}
	return o.register.compact()
}
