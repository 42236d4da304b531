package ca

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// dir is the directory of an office.
type dir string

func (d dir) settings() string       { return filepath.Join(string(d), "settings.json") }
func (d dir) key(n int) string       { return filepath.Join(string(d), "ca-key-"+strconv.Itoa(n)) }
func (d dir) roots() string          { return filepath.Join(string(d), "ca.pem") }
func (d dir) cross() string          { return filepath.Join(string(d), "cross.pem") }
func (d dir) revoked() string        { return filepath.Join(string(d), "crl.pem") }
func (d dir) register() string       { return filepath.Join(string(d), "register.jsonl") }
func (d dir) lock() string           { return filepath.Join(string(d), "lock") }
func (d dir) evidenceKey() string    { return filepath.Join(string(d), "evidence-key") }
func (d dir) evidenceFolder() string { return filepath.Join(string(d), "evidence") }
func (d dir) certificates() string   { return filepath.Join(string(d), "certificates") }
func (d dir) certificate(id ledger.ID) string {
	return filepath.Join(d.certificates(), id.String()+".pem")
}

// sealed is the path of a member's n-th document, made from numbers alone
// (invariant 3).
func (d dir) sealed(id ledger.ID, n int) string {
	return filepath.Join(d.evidenceFolder(), id.String()+"-"+strconv.Itoa(n)+".age")
}

func makeFolder(path string) error {
	if err := durable.MakeDir(vfs.Default, path); err != nil {
		return err
	}
	return os.Chmod(path, 0o700) //nolint:gosec // a folder needs x
}
