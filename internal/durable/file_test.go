package durable_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/librum/librum/internal/durable"
)

func TestWriteFileIsTheOwnersAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b", "file")
	for _, text := range []string{"first", "second"} {
		if err := durable.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != text {
			t.Errorf("read %q, %v", b, err)
		}
	}
	for name, mode := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	public := filepath.Join(filepath.Dir(path), "public")
	if err := durable.WriteFile(public, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(public); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%s: mode %v, %v", public, info.Mode(), err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), durable.TempPrefix+"*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := durable.WriteFile(filepath.Join(path, "below a file"), nil, 0o600); err == nil {
		t.Error("written below a file")
	}
}
