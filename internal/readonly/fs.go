package readonly

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/internal/durable"
)

// ErrLocked tells that a writer holds the lock.
var ErrLocked = errors.New("a process that writes holds the lock")

// FS returns the view.
func FS(fs vfs.FS) vfs.FS { return view{fs} }

// view refuses writes; reading goes through.
type view struct{ vfs.FS }

// Open opens a regular file or a directory. To open a pipe would wait for
// whoever writes it, and nothing that reads by this package keeps one.
func (v view) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	info, err := v.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open %s, of mode %s: %w", name, info.Mode(), durable.ErrNotRegular)
	}
	return v.FS.Open(name, opts...)
}

func refused(what, name string) error {
	return &os.PathError{Op: what, Path: name, Err: os.ErrPermission}
}

func (view) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, refused("create", name)
}

func (view) OpenReadWrite(name string, _ vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	return nil, refused("open for writing", name)
}

func (view) ReuseForWrite(_, name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, refused("reuse for writing", name)
}

func (view) Link(_, name string) error { return refused("link", name) }

func (view) Remove(name string) error { return refused("remove", name) }

func (view) RemoveAll(name string) error { return refused("remove all", name) }

func (view) Rename(_, name string) error { return refused("rename", name) }

func (view) MkdirAll(name string, _ os.FileMode) error { return refused("make directory", name) }

// Unwrap keeps who unwraps from the file system below.
func (view) Unwrap() vfs.FS { return nil }

// Lock takes a shared lock.
func (v view) Lock(name string) (io.Closer, error) {
	if _, err := v.Stat(name); errors.Is(err, os.ErrNotExist) {
		if _, err := v.Stat(v.PathDir(name)); err != nil {
			return nil, err
		}
		return io.NopCloser(nil), nil
	}
	if v.FS != vfs.Default {
		return v.FS.Lock(name)
	}
	lock, err := share(name)
	if err != nil {
		return nil, fmt.Errorf("lock %s for reading: %w", name, err)
	}
	return lock, nil
}
