package pebble

import (
	"errors"
	"os"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// disk is the file system of a database until the first change of it fails.
// Pebble would try a flush again without end or pause, Open waiting for it, and
// panics on a goroutine of its own where a manifest can't be written. So after a
// failure nothing more reaches the disk: what Pebble makes goes into memory and
// what it takes away stays. Pebble comes to an end, and what lies there is as if
// the power had been lost at that moment.
type disk struct {
	vfs.FS

	memory vfs.FS      // what was made after the failure
	fail   func(error) // takes the failure, and maybe others
	failed atomic.Pointer[error]
	opened atomic.Bool // what the write-ahead log takes is acknowledged
}

func newDisk(fs vfs.FS, fail func(error)) *disk {
	return &disk{FS: fs, memory: vfs.NewMem(), fail: fail}
}

// failure returns what failed, nil where nothing has.
func (d *disk) failure() error {
	if f := d.failed.Load(); f != nil {
		return *f
	}
	return nil
}

// change changes the disk, or where it failed, now or before, does what is done
// instead.
func (d *disk) change(onDisk, instead func() error) error {
	if d.failure() == nil {
		err := onDisk()
		if err == nil {
			return nil
		}
		d.failed.CompareAndSwap(nil, &err)
		d.fail(err)
	}
	return instead()
}

// refuses tells whether a file must not seem to be written: a write-ahead log
// that is believed.
func (d *disk) refuses(name string) bool {
	return d.opened.Load() && strings.HasSuffix(name, ".log")
}

// create makes a file, on the disk or in memory.
func (d *disk) create(name string, onDisk func() (vfs.File, error)) (made vfs.File, err error) {
	err = d.change(func() error {
		f, err := onDisk()
		made = &diskFile{File: f, disk: d, name: name}
		return err
	}, func() (err error) {
		if d.refuses(name) {
			return d.failure()
		}
		if err := d.memory.MkdirAll(d.PathDir(name), 0o700); err != nil {
			return err
		}
		made, err = d.memory.Create(name, vfs.WriteCategoryUnspecified)
		return err
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func (d *disk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return d.create(name, func() (vfs.File, error) { return d.FS.Create(name, c) })
}

func (d *disk) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return d.create(name, func() (vfs.File, error) { return d.FS.OpenReadWrite(name, c, opts...) })
}

func (d *disk) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return d.create(to, func() (vfs.File, error) { return d.FS.ReuseForWrite(from, to, c) })
}

// rename changes names, of files in memory alone after a failure.
func (d *disk) rename(onDisk, inMemory func() error) error {
	return d.change(onDisk, func() error {
		if err := inMemory(); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	})
}

func (d *disk) Link(from, to string) error {
	return d.rename(func() error { return d.FS.Link(from, to) }, func() error { return d.memory.Link(from, to) })
}

func (d *disk) Rename(from, to string) error {
	return d.rename(func() error { return d.FS.Rename(from, to) }, func() error { return d.memory.Rename(from, to) })
}

func (d *disk) MkdirAll(dir string, perm os.FileMode) error {
	return d.rename(func() error { return d.FS.MkdirAll(dir, perm) }, func() error { return d.memory.MkdirAll(dir, perm) })
}

// Remove may fail where there is nothing: that is no failure of the disk.
func (d *disk) Remove(name string) error {
	if d.failure() == nil {
		return d.FS.Remove(name)
	}
	return d.rename(nil, func() error { return d.memory.Remove(name) })
}

func (d *disk) RemoveAll(name string) error {
	if d.failure() == nil {
		return d.FS.RemoveAll(name)
	}
	return d.rename(nil, func() error { return d.memory.RemoveAll(name) })
}

func (d *disk) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	if d.failure() != nil {
		if f, err := d.memory.Open(name, opts...); err == nil {
			return f, nil
		}
	}
	return d.FS.Open(name, opts...)
}

func (d *disk) Stat(name string) (vfs.FileInfo, error) {
	if d.failure() != nil {
		if info, err := d.memory.Stat(name); err == nil {
			return info, nil
		}
	}
	return d.FS.Stat(name)
}

func (d *disk) OpenDir(name string) (vfs.File, error) {
	f, err := d.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &diskFile{File: f, disk: d, name: name}, nil
}

// Unwrap implements [vfs.FS].
func (d *disk) Unwrap() vfs.FS { return d.FS }

// diskFile is a file or directory that is written.
type diskFile struct {
	vfs.File

	disk *disk
	name string
}

// Write fails for a table once the disk has: Pebble makes it again, in memory,
// and reads it. Other files are not read before the next start.
func (f *diskFile) Write(b []byte) (n int, err error) {
	size := len(b)
	err = f.disk.change(func() (err error) {
		n, err = f.File.Write(b)
		return err
	}, func() error {
		if strings.HasSuffix(f.name, ".sst") || f.disk.refuses(f.name) {
			return f.disk.failure()
		}
		n = size
		return nil
	})
	return n, err
}

// flush syncs what is written, as long as that is of use.
func (f *diskFile) flush(sync func() error) error {
	return f.disk.change(sync, func() error {
		if f.disk.refuses(f.name) {
			return f.disk.failure()
		}
		return nil
	})
}

func (f *diskFile) Sync() error { return f.flush(f.File.Sync) }

func (f *diskFile) SyncData() error { return f.flush(f.File.SyncData) }

func (f *diskFile) SyncTo(length int64) (whole bool, err error) {
	err = f.flush(func() (err error) {
		whole, err = f.File.SyncTo(length)
		return err
	})
	return whole, err
}
