package auditlog_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/librum/librum/api/auditlog"
	"github.com/librum/librum/chain/ledger"
)

// all reads the files of a log as one.
func all(t *testing.T, path string) []byte {
	t.Helper()
	f, err := auditlog.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

// filled returns a log in several files, with a head from the middle.
func filled(t *testing.T) (path string, files []string, middle auditlog.Head) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "audit.jsonl")
	for i := range 4 {
		l := open(t, path)
		l.SetMaxFileBytes(1_000)
		for j := range 5 {
			if err := l.Record(act(fmt.Sprint(i, j)), act("and more")); err != nil {
				t.Fatal(err)
			}
		}
		if i == 1 {
			middle = l.Head()
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if auditlog.IsRotated(e.Name(), "audit.jsonl") {
			files = append(files, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	if len(files) < 3 {
		t.Fatalf("full files %v", files)
	}
	return path, append(files, path), middle
}

// TestRotation: the chain goes on over files, none of them much larger than
// allowed, and a head kept elsewhere is found in any of them.
func TestRotation(t *testing.T) {
	t.Parallel()
	path, files, middle := filled(t)
	b := all(t, path)
	head, err := auditlog.Check(bytes.NewReader(b), ledger.Digest{1})
	if err != nil || head.Lines != 40 || head.Bytes != int64(len(b)) {
		t.Errorf("%+v of %d bytes, %v", head, len(b), err)
	}
	if err := auditlog.Holds(bytes.NewReader(b), ledger.Digest{1}, middle); err != nil {
		t.Errorf("a head from the middle: %v", err)
	}
	for _, name := range files {
		if info, err := os.Stat(name); err != nil || info.Size() > 2_000 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
	// Killed between two files.
	if err := os.Rename(path, filepath.Join(filepath.Dir(path), fmt.Sprintf("audit-%020d.jsonl", lineOf(t, path)))); err != nil {
		t.Fatal(err)
	}
	if got := all(t, path); !bytes.Equal(got, b) {
		t.Error("without the newest file it reads otherwise")
	}
	l := open(t, path)
	if l.Head() != head {
		t.Errorf("it goes on at %+v, want %+v", l.Head(), head)
	}
	if err := errors.Join(l.Record(act("on")), l.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := auditlog.Check(bytes.NewReader(all(t, path)), ledger.Digest{1}); err != nil || got.Lines != 41 {
		t.Errorf("%+v, %v", got, err)
	}
}

// lineOf returns the number of a file's first line.
func lineOf(t *testing.T, path string) (n int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		_, err = fmt.Sscanf(string(b), `{"n":%d`, &n)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRotatedFilesAreFollowed: a full file that is changed, cut, taken out or
// put in another's place is found.
func TestRotatedFilesAreFollowed(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(files []string) error{
		"the first one gone":   func(files []string) error { return os.Remove(files[0]) },
		"one between gone":     func(files []string) error { return os.Remove(files[1]) },
		"one cut in a line":    func(files []string) error { return os.Truncate(files[1], 900) },
		"zeros within":         func(files []string) error { return os.Truncate(files[1], 20_000) },
		"two in one's place":   func(files []string) error { return copyFile(files[0], files[1]) },
		"the newest full anew": func(files []string) error { return copyFile(files[0], files[len(files)-2]) },
	} {
		path, files, _ := filled(t)
		if err := damage(files); err != nil {
			t.Fatal(err)
		}
		if _, err := auditlog.Check(bytes.NewReader(all(t, path)), ledger.Digest{1}); !errors.Is(err, auditlog.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	path, files, _ := filled(t)
	if err := os.Truncate(files[len(files)-2], 900); err != nil {
		t.Fatal(err)
	}
	if _, err := auditlog.Open(path, ledger.Digest{1}, nil); !errors.Is(err, auditlog.ErrDamaged) {
		t.Errorf("opened behind a damaged file: %v", err)
	}
	if _, err := auditlog.Read(filepath.Join(t.TempDir(), "audit.jsonl")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no log: %v", err)
	}
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

// TestZerosAreATornTail: what a file system leaves behind where the power went is
// cut off, whether a line began before it or not; zeros before anything else are
// damage.
func TestZerosAreATornTail(t *testing.T) {
	t.Parallel()
	for _, zeros := range []int{1, 100, 4_095, 4_096, 4_097, 20_000} {
		for _, begun := range []string{"", `{"n":4,"to`} {
			path, text, head := written(t)
			tail := slices.Concat(text, []byte(begun), make([]byte, zeros))
			if err := os.WriteFile(path, tail, 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := auditlog.Check(bytes.NewReader(tail), ledger.Digest{1}); err != nil || got != head {
				t.Errorf("%d zeros behind %q: %+v, %v", zeros, begun, got, err)
			}
			l := open(t, path)
			if err := errors.Join(l.Record(act("on")), l.Close()); err != nil {
				t.Fatal(err)
			}
			if got, err := auditlog.Check(bytes.NewReader(all(t, path)), ledger.Digest{1}); err != nil || got.Lines != 4 {
				t.Errorf("%d zeros behind %q: it goes on as %+v, %v", zeros, begun, got, err)
			}
			damaged := slices.Concat(tail, []byte("x\n"))
			if _, err := auditlog.Check(bytes.NewReader(damaged), ledger.Digest{1}); !errors.Is(err, auditlog.ErrDamaged) {
				t.Errorf("%d zeros before a line: %v", zeros, err)
			}
		}
	}
}

func TestIsRotated(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"audit-00000000000000000001.jsonl": true, "audit-18446744073709551615.jsonl": true,
		"audit.jsonl": false, "audit-1.jsonl": false, "audit-00000000000000000001.jsonl.lock": false,
		"audit-99999999999999999999.jsonl": false, "audit-+0000000000000000001.jsonl": false, "": false,
	} {
		if got := auditlog.IsRotated(name, "audit.jsonl"); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}
