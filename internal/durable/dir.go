package durable

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// MakeDir makes a directory, with those above it that are missing.
func MakeDir(fs vfs.FS, dir string) error {
	above := []string{fs.PathDir(dir)}
	for {
		last := above[len(above)-1]
		if _, err := fs.Stat(last); err == nil || !errors.Is(err, os.ErrNotExist) || last == fs.PathDir(last) {
			break
		}
		above = append(above, fs.PathDir(last))
	}
	if err := fs.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for _, a := range slices.Backward(above) {
		if err := SyncDir(fs, a); err != nil {
			return err
		}
	}
	return nil
}

// SyncDir makes the names in a directory durable.
func SyncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("open directory %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}
