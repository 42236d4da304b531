package host_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/librum/librum/internal/host"
)

// TestWritable looks at a directory before and after it can't be written: for
// root, who may write everywhere, on a file system mounted for reading.
func TestWritable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := host.Writable(dir); err != nil {
		t.Error(err)
	}
	if err := host.Writable(dir + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
	if os.Geteuid() == 0 {
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_RDONLY, "size=1m"); err != nil {
			t.Skipf("a file system of its own can't be mounted here: %v", err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
	} else if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if err := host.Writable(dir); !errors.Is(err, unix.EROFS) && !errors.Is(err, os.ErrPermission) {
		t.Errorf("a directory for reading: %v", err)
	}
}
