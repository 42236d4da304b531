package durable_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/librum/librum/internal/durable"
)

// irregular makes one thing of each kind that stands where a file may be
// expected. To open a pipe for reading waits for who writes, which nobody does
// here: a test that opens it like a file hangs.
func irregular(t *testing.T, dir string) map[string]string {
	t.Helper()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	socket, err := os.MkdirTemp("", "s") //nolint:usetesting // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(socket, "socket")) //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(listener.Close(), os.RemoveAll(socket)); err != nil {
			t.Error(err)
		}
	})
	return map[string]string{"named pipe": pipe, "directory": dir, "device": os.DevNull, "socket": filepath.Join(socket, "socket")}
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("seven b"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, filepath.Join(dir, "link")} {
		if b, err := durable.ReadFile(path, 7); err != nil || string(b) != "seven b" {
			t.Errorf("%s: %q, %v", path, b, err)
		}
	}
	_, err := durable.ReadFile(path, 6)
	if !errors.Is(err, durable.ErrTooLarge) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "6 bytes") {
		t.Errorf("a byte too many: %v, want ErrTooLarge, the path and the bound", err)
	}
	if _, err := durable.ReadFile(filepath.Join(dir, "missing"), 7); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v, want ErrNotExist", err)
	}
	for what, path := range irregular(t, dir) {
		_, err := durable.ReadFile(path, 7)
		if !errors.Is(err, durable.ErrNotRegular) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), what) {
			t.Errorf("a %s: %v, want ErrNotRegular, the path and what is there", what, err)
		}
	}
}

// TestReadFileAllocatesNoMoreThanItReads has a file whose length is a lie: it is
// refused before anything is read of it.
func TestReadFileAllocatesNoMoreThanItReads(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sparse")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 50<<30); err != nil {
		t.Skip("no sparse files here: ", err)
	}
	if _, err := durable.ReadFile(path, 1<<20); !errors.Is(err, durable.ErrTooLarge) {
		t.Errorf("50 GiB: %v, want ErrTooLarge", err)
	}
}

func TestReadIn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	below := filepath.Join(dir, "below")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(below, "file"), []byte("file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../secret", filepath.Join(below, "out")); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(below, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(below)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if b, err := durable.ReadIn(root, "file", 4); err != nil || string(b) != "file" {
		t.Errorf("%q, %v", b, err)
	}
	for _, name := range []string{"out", "../secret"} {
		if b, err := durable.ReadIn(root, name, 100); err == nil {
			t.Errorf("%s leads out and gave %q", name, b)
		}
	}
	if _, err := durable.ReadIn(root, "file", 3); !errors.Is(err, durable.ErrTooLarge) {
		t.Errorf("a byte too many: %v, want ErrTooLarge", err)
	}
	if _, err := durable.ReadIn(root, "pipe", 3); !errors.Is(err, durable.ErrNotRegular) {
		t.Errorf("a pipe: %v, want ErrNotRegular", err)
	}
}

// TestOpenFile has files that are written to: what stands there is refused as
// well, and what is not there is made.
func TestOpenFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	for _, want := range []string{"a", "ab"} {
		f, err := durable.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(want[len(want)-1:]); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if b, err := durable.ReadFile(path, 100); err != nil || string(b) != want {
			t.Errorf("%q, %v, want %q", b, err, want)
		}
	}
	for what, path := range irregular(t, dir) {
		if f, err := durable.OpenFile(path, os.O_RDWR|os.O_APPEND, 0); err == nil {
			t.Errorf("a %s was opened: %v", what, f.Close())
		}
	}
}
