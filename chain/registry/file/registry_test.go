package file_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/librum/librum/chain/registry"
	"github.com/librum/librum/chain/registry/file"
	"github.com/librum/librum/chain/registry/registrytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	t.Parallel()
	registrytest.Run(t, func(t testing.TB) func() registrytest.Handle {
		t.Helper()
		path := filepath.Join(t.TempDir(), "registry.json")
		return func() registrytest.Handle {
			r := file.Open(path, nil)
			t.Cleanup(func() { _ = r.Close() }) // never fails
			return r
		}
	})
}

// TestBadFiles are refused with a word on what to do, and never written over.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"no JSON": "hello", "unknown field": `{"x": 1}`, "cut": `{"revision": 1, "entries": {`} {
		path := filepath.Join(t.TempDir(), "registry.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := file.Open(path, nil)
		_, listErr := r.List(t.Context(), "")
		_, putErr := r.Put(t.Context(), "k", nil, registry.Any)
		for _, err := range []error{listErr, putErr, r.Watch(t.Context(), "", nil)} {
			if err == nil || !strings.Contains(err.Error(), "remove it") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != text {
			t.Errorf("%s: the file is now %q, %v", name, b, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestTooMany fills the registry; nothing is left beside the file.
func TestTooMany(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "registry.json")
	var entries []string
	for i := range registry.MaxEntries {
		entries = append(entries, fmt.Sprintf(`"k%d": {"value": "", "revision": 1}`, i))
	}
	if err := os.WriteFile(path, []byte(`{"revision": 1, "entries": {`+strings.Join(entries, ",")+`}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	r := file.Open(path, nil)
	if _, err := r.Put(t.Context(), "k1", []byte("x"), registry.Any); err != nil {
		t.Error(err)
	}
	if _, err := r.Put(t.Context(), "one-more", nil, registry.Any); err == nil {
		t.Error("one more than there may be was taken")
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 2 { // the file and its lock
		t.Errorf("the directory holds %v, %v", names, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func Example() {
	dir, err := os.MkdirTemp("", "registry")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	r := file.Open(filepath.Join(dir, "registry.json"), nil)
	_, err = r.Put(ctx, "shards/0/topic", []byte("librum-main-shard-0"), registry.Absent)
	entries, listErr := r.List(ctx, "shards/")
	fmt.Println(registrytest.Text(entries), err, listErr, r.Close())
	// Output: shards/0/topic=librum-main-shard-0 <nil> <nil> <nil>
}
