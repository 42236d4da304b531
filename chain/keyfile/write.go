package keyfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/internal/durable"
)

// Write writes the key to a new file, encrypted unless the passphrase is empty.
func Write(path string, key *identity.Key, passphrase string) error {
	if _, err := os.Lstat(path); err == nil { // before the work of encrypting
		return fmt.Errorf("write key %s: %w", path, fs.ErrExist)
	}
	b, err := key.MarshalPEM()
	if err == nil && passphrase != "" {
		b, err = Encrypt(b, passphrase)
	}
	if err == nil {
		err = writeNew(path, b)
	}
	if err != nil {
		return fmt.Errorf("write key %s: %w", path, err)
	}
	return nil
}

// Encrypt encrypts a small secret under a passphrase.
func Encrypt(secret []byte, passphrase string) ([]byte, error) {
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	recipient.SetWorkFactor(workFactor)
	var text bytes.Buffer
	armoured := armor.NewWriter(&text)
	plain, err := age.Encrypt(armoured, recipient)
	if err != nil {
		return nil, err
	}
	if _, err := plain.Write(secret); err != nil {
		return nil, err
	}
	if err := errors.Join(plain.Close(), armoured.Close()); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// writeNew writes a file that is not there yet (invariant 3): it is made under
// another name and linked, which fails where the name is taken.
func writeNew(path string, b []byte) (err error) {
	dir := filepath.Dir(path)
	if err := durable.MakeDir(vfs.Default, dir); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = file.Write(b)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err != nil {
		return err
	}
	return durable.SyncDir(vfs.Default, dir)
}

// Replace writes the key in the place of a file, encrypted unless the passphrase
// is empty. The old file is there until the new one is, durably.
func Replace(path string, key *identity.Key, passphrase string) error {
	next := path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write key %s: %w", path, err)
	}
	if err := Write(next, key, passphrase); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write key %s: %w", path, err)
	}
	return durable.SyncDir(vfs.Default, filepath.Dir(path))
}
