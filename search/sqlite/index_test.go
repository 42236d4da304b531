package sqlite_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
	"github.com/librum/librum/search/searchtest"
	"github.com/librum/librum/search/sqlite"
)

func open(t testing.TB, path string, schema *document.Schema) *sqlite.Index {
	t.Helper()
	x, err := sqlite.Open(t.Context(), path, schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

func TestConformance(t *testing.T) {
	t.Parallel()
	searchtest.Run(t, func(t *testing.T, schema *document.Schema) searchtest.Index {
		t.Helper()
		return open(t, filepath.Join(t.TempDir(), "a dir?with #signs%41", "index.sqlite"), schema)
	})
}

// What was written is there when the file is opened again; a file that is
// damaged, or of other fields, is made anew.
func TestReopen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "index.sqlite")
	schema := searchtest.Schema(t)
	at := query.Checkpoint{Height: 3}
	write := func(schema *document.Schema) {
		t.Helper()
		x, err := sqlite.Open(t.Context(), path, schema)
		if err != nil {
			t.Fatal(err)
		}
		d := document.Document{Kind: document.KindBlock, ID: "3", Height: 3}
		if err := x.Apply(t.Context(), []document.Document{d}, &at); err != nil {
			t.Fatal(err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(schema *document.Schema) bool {
		t.Helper()
		x, err := sqlite.Open(t.Context(), path, schema)
		if err != nil {
			t.Fatal(err)
		}
		got, ok, err := x.Checkpoint(context.Background())
		if err != nil || ok && got != at {
			t.Fatalf("checkpoint %+v, %t, %v", got, ok, err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		return ok
	}
	write(schema)
	if !holds(schema) {
		t.Error("the checkpoint is gone")
	}
	fewer, err := document.NewSchema(nil)
	if err != nil {
		t.Fatal(err)
	}
	if holds(fewer) {
		t.Error("an index of other fields is believed")
	}
	write(fewer)
	if err := os.WriteFile(path, []byte("this is no database, and long enough to be taken for the header of one: "+string(make([]byte, 4096))), 0o600); err != nil {
		t.Fatal(err)
	}
	if holds(fewer) {
		t.Error("a damaged file is believed")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
