package readonly_test

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/internal/durable"
	"github.com/librum/librum/internal/readonly"
)

// TestOpenWaitsForNobody has a pipe that nobody writes, where a file or a lock
// is expected.
func TestOpenWaitsForNobody(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "LOCK")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	fs := readonly.FS(vfs.Default)
	if _, err := fs.Open(pipe); !errors.Is(err, durable.ErrNotRegular) {
		t.Errorf("opened: %v, want ErrNotRegular", err)
	}
	if _, err := fs.Lock(pipe); !errors.Is(err, durable.ErrNotRegular) {
		t.Errorf("locked: %v, want ErrNotRegular", err)
	}
	if dir, err := fs.Open(filepath.Dir(pipe)); err != nil || dir.Close() != nil {
		t.Errorf("a directory: %v", err)
	}
}
