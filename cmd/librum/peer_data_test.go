package main

import (
	"compress/gzip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const oneColumn = "columns: [{name: x, type: number, min: 0, max: 1}, {name: y, type: integer, min: 0, max: 1}]\n"

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestLoadDataStaysBelowItsRoot tries to lead --data-root astray by paths and
// by symbolic links.
func TestLoadDataStaysBelowItsRoot(t *testing.T) {
	t.Parallel()
	outside, root := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "secret.csv"), "x,y\n1,1\n")
	write(t, filepath.Join(root, "rows.csv"), "x,y\n0,1\n1,0\n")
	write(t, filepath.Join(root, "schema.yaml"), oneColumn)
	for link, to := range map[string]string{
		"absolute.csv": filepath.Join(outside, "secret.csv"), "folder": outside, "inside.csv": "rows.csv",
		"upwards.csv": filepath.Join("..", filepath.Base(outside), "secret.csv"),
	} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root, "pipe.csv"), 0o600); err != nil {
		t.Fatal(err)
	}
	load := func(path, root string) error {
		rows, err := loadData("csv:"+path+"?label=y&schema="+url.QueryEscape("schema.yaml"), root)
		if err == nil && rows.Rows != 2 {
			t.Errorf("%s: %d rows, want 2", path, rows.Rows)
		}
		return err
	}
	for _, path := range []string{"rows.csv", "inside.csv", "./rows.csv"} {
		if err := load(path, root); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for path, want := range map[string]string{
		"../" + filepath.Base(outside) + "/secret.csv": "leads out",
		filepath.Join(outside, "secret.csv"):           "leads out",
		filepath.Join(root, "rows.csv"):                "leads out",
		"absolute.csv":                                 "escapes",
		"upwards.csv":                                  "escapes",
		"folder/secret.csv":                            "escapes",
		"pipe.csv":                                     "not a regular file",
		".":                                            "not a regular file",
		"nowhere.csv":                                  "no such file",
	} {
		if err := load(path, root); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func TestLoadIDX(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	file, err := os.Create(filepath.Join(root, "images.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(file)
	if _, err := z.Write([]byte{0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255}); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "labels"), "\x00\x00\x08\x01\x00\x00\x00\x01\x01")
	rows, err := loadData("idx:images.gz,labels", root)
	if err != nil || rows.Rows != 1 || rows.Columns != 2 || rows.Features[1] != 1 {
		t.Errorf("got %+v, %v", rows, err)
	}
	if _, err := loadData("idx:images.gz,"+filepath.Join(root, "labels"), root); err == nil {
		t.Error("an absolute path was opened below a root")
	}
}
