package readonly

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/librum/librum/internal/durable"
)

// share takes a shared lock of a file. It belongs to the open file, not to the
// process as the locks of writers do, so it also meets a writer of this process.
// That writer's lock is gone once the file is closed again, as POSIX has it
// (fcntl(2)): who writes a directory must not read it by this package.
func share(name string) (io.Closer, error) {
	f, err := durable.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	lock := unix.Flock_t{Type: unix.F_RDLCK, Whence: io.SeekStart}
	err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		err = ErrLocked
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
