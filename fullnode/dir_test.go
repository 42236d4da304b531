package fullnode_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/internal/durable"
)

// TestHasDiverged takes nothing that it can't make sense of for "none": a node
// without its evidence signs.
func TestHasDiverged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		put  func(path string) error
		want bool
		err  error
	}{
		"none":      {put: func(string) error { return nil }},
		"evidence":  {put: func(path string) error { return os.WriteFile(path, []byte("x"), 0o600) }, want: true},
		"empty":     {put: func(path string) error { return os.WriteFile(path, nil, 0o600) }, want: true},
		"directory": {put: func(path string) error { return os.Mkdir(path, 0o700) }, err: durable.ErrNotRegular},
		"pipe":      {put: func(path string) error { return syscall.Mkfifo(path, 0o600) }, err: durable.ErrNotRegular},
		"link to nowhere": {put: func(path string) error {
			return os.Symlink(path+".moved", path)
		}, err: durable.ErrNotRegular},
		"link to itself": {put: func(path string) error { return os.Symlink(path, path) }, err: durable.ErrNotRegular},
		"below a file": {put: func(path string) error {
			dir := filepath.Dir(path)
			return errors.Join(os.Remove(dir), os.WriteFile(dir, nil, 0o600))
		}, err: syscall.ENOTDIR},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "node")
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
			dir := fullnode.Dir(path)
			if err := c.put(dir.Diverged()); err != nil {
				t.Fatal(err)
			}
			got, err := dir.HasDiverged()
			if got != c.want || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%t, %v, want %t, %v", got, err, c.want, c.err)
			}
		})
	}
}

// TestKeysWhereverTheyLie: a directory may be named like a pattern.
func TestKeysWhereverTheyLie(t *testing.T) {
	t.Parallel()
	dir := fullnode.Dir(filepath.Join(t.TempDir(), "node-[1]*"))
	if err := os.Mkdir(string(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	var want []ledger.Digest
	for i, path := range []string{dir.Key(), dir.Key() + "-2", dir.Key() + "-10"} {
		key := identity.KeyFromSeed([32]byte{byte(i)})
		if err := keyfile.Write(path, key, ""); err != nil {
			t.Fatal(err)
		}
		want = append(want, key.ID())
	}
	keys, err := dir.Keys(nil)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]ledger.Digest, 0, len(keys))
	for _, key := range keys {
		got = append(got, key.ID())
	}
	if !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
}
