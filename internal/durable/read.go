package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Why a file is not read. The errors that wrap them name the path.
var (
	ErrNotRegular = errors.New("not a regular file; name a file, or copy what it gives into one")
	ErrTooLarge   = errors.New("too large; is it the right file?")
)

// ReadFile reads a regular file of at most limit bytes.
func ReadFile(path string, limit int64) ([]byte, error) {
	file, err := OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	return readAll(file, path, limit)
}

// ReadIn is [ReadFile] for a name below a root, out of which neither it nor a
// symbolic link leads.
func ReadIn(root *os.Root, name string, limit int64) ([]byte, error) {
	file, err := OpenIn(root, name)
	if err != nil {
		return nil, err
	}
	return readAll(file, name, limit)
}

// OpenFile is [os.OpenFile] for regular files alone. To open or read a pipe, a
// socket or a device may wait for ever, and a device never ends: it does not
// wait, and looks at what it has opened, so that nothing can be put in the
// place of what was looked at.
func OpenFile(path string, flag int, perm os.FileMode) (*os.File, error) {
	file, err := os.OpenFile(path, flag|notWaiting, perm)
	return regular(file, path, err)
}

// OpenIn opens a regular file below a root for reading.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	file, err := root.OpenFile(name, os.O_RDONLY|notWaiting, 0)
	return regular(file, name, err)
}

// notWaiting are flags that mean nothing to a regular file (open(2)).
const notWaiting = syscall.O_NONBLOCK | syscall.O_NOCTTY

func regular(file *os.File, path string, err error) (*os.File, error) {
	if errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.EOPNOTSUPP) { // what opening a socket comes to
		return nil, fmt.Errorf("open %s: a socket is %w", path, ErrNotRegular)
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("open %s: a %s is %w", path, describe(info.Mode()), ErrNotRegular)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func describe(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeDevice != 0:
		return "device"
	default:
		return "thing of mode " + mode.String()
	}
}

// readAll reads and closes a file.
func readAll(file *os.File, path string, limit int64) (_ []byte, err error) {
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	tooLarge := fmt.Errorf("read %s: more than %d bytes: %w", path, limit, ErrTooLarge)
	if info.Size() > limit {
		return nil, tooLarge
	}
	b, err := io.ReadAll(io.LimitReader(file, limit+1)) // it may have grown
	if err == nil && int64(len(b)) > limit {
		return nil, tooLarge
	}
	return b, err
}
