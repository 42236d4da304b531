package readonly_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/internal/readonly"
)

func TestRefusesWrites(t *testing.T) {
	t.Parallel()
	below := vfs.NewMem()
	f, err := below.Create("a", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	fs := readonly.FS(below)
	_, readWrite := fs.OpenReadWrite("a", vfs.WriteCategoryUnspecified)
	_, reused := fs.ReuseForWrite("a", "b", vfs.WriteCategoryUnspecified)
	for what, err := range map[string]error{
		"open for writing": readWrite, "reuse": reused, "link": fs.Link("a", "b"), "remove": fs.Remove("a"),
		"remove all": fs.RemoveAll("a"), "rename": fs.Rename("a", "b"), "make directory": fs.MkdirAll("c", 0o700),
	} {
		if !errors.Is(err, os.ErrPermission) {
			t.Errorf("%s: %v, want ErrPermission", what, err)
		}
	}
	if names, err := below.List(""); err != nil || len(names) != 1 {
		t.Errorf("afterwards there are %v, %v", names, err)
	}
}

// TestSharedLocks holds that readers keep writers out and not each other, and
// that a lock file is not touched.
func TestSharedLocks(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("locks are exclusive here")
	}
	name := filepath.Join(t.TempDir(), "LOCK")
	fs := readonly.FS(vfs.Default)
	lock, err := fs.Lock(name) // no file: nobody writes
	if err != nil || lock.Close() != nil {
		t.Fatalf("without a file: %v", err)
	}
	if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a lock file was made: %v", err)
	}
	if err := os.WriteFile(name, []byte("kept"), 0o400); err != nil {
		t.Fatal(err)
	}
	one, err := fs.Lock(name)
	if err != nil {
		t.Fatal(err)
	}
	two, err := fs.Lock(name)
	if err != nil {
		t.Errorf("a second reader: %v", err)
	}
	if b, err := os.ReadFile(name); err != nil || string(b) != "kept" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	if err := errors.Join(one.Close(), two.Close()); err != nil {
		t.Error(err)
	}
	other := name + "2" // the writer's lock is of this process
	writer, err := vfs.Default.Lock(other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fs.Lock(other); !errors.Is(err, readonly.ErrLocked) {
		t.Errorf("beside a writer: %v, want ErrLocked", err)
	}
	if err := writer.Close(); err != nil {
		t.Error(err)
	}
	if _, err := fs.Lock(filepath.Join(name+"-missing", "LOCK")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in no directory: %v, want ErrNotExist", err)
	}
}
