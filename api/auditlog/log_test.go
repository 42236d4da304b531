package auditlog_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/librum/librum/api/auditlog"
	"github.com/librum/librum/chain/ledger"
)

func open(t *testing.T, path string) *auditlog.Log {
	t.Helper()
	l, err := auditlog.Open(path, ledger.Digest{1}, func() time.Time { return time.UnixMilli(1_700_000_000_000) })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func act(subject string) auditlog.Act {
	return auditlog.Act{Member: ledger.ID{1}, Token: ledger.ID{2}, Act: "token.create", Subject: subject, Outcome: "ok"}
}

// written returns a log of three lines.
func written(t *testing.T) (path string, text []byte, head auditlog.Head) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "node", "audit.jsonl")
	l := open(t, path)
	if err := errors.Join(l.Record(act("a"), act("b")), l.Record(act("c"))); err != nil {
		t.Fatal(err)
	}
	head = l.Head()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, text, head
}

func TestLogGoesOn(t *testing.T) {
	t.Parallel()
	path, text, head := written(t)
	if err := os.WriteFile(path, append(bytes.Clone(text), `{"n":4,"torn`...), 0o600); err != nil {
		t.Fatal(err)
	}
	l := open(t, path)
	if _, err := auditlog.Open(path, ledger.Digest{1}, time.Now); err == nil {
		t.Error("opened twice")
	}
	if l.Head() != head {
		t.Errorf("head %+v, want %+v", l.Head(), head)
	}
	var recording sync.WaitGroup
	for range 20 {
		recording.Go(func() {
			if err := l.Record(act("d")); err != nil {
				t.Error(err)
			}
		})
	}
	recording.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Record(act("e")); err == nil {
		t.Error("recorded after the end")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := auditlog.Check(bytes.NewReader(b), ledger.Digest{1}); err != nil || got.Lines != 23 || got.Bytes != int64(len(b)) {
		t.Errorf("head %+v, %v", got, err)
	}
	if err := auditlog.Holds(bytes.NewReader(b), ledger.Digest{1}, head); err != nil {
		t.Errorf("a head kept elsewhere: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// Every byte that is changed in a line but the last, and every line that is
// taken out or moved, is found; the last with a head kept elsewhere.
func TestDamageIsFound(t *testing.T) {
	t.Parallel()
	path, text, head := written(t)
	check := func(what string, b []byte, kept bool) {
		t.Helper()
		_, err := auditlog.Check(bytes.NewReader(b), ledger.Digest{1})
		if kept && err == nil {
			err = auditlog.Holds(bytes.NewReader(b), ledger.Digest{1}, head)
		}
		if !errors.Is(err, auditlog.ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range text {
		changed := bytes.Clone(text)
		changed[i] ^= 1
		check("a changed byte", changed, true)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
	check("the first line gone", []byte(lines[1]+lines[2]), false)
	check("the second line gone", []byte(lines[0]+lines[2]+"\n"), false)
	check("the last line gone", []byte(lines[0]+lines[1]), true)
	check("lines in another order", []byte(lines[1]+lines[0]+lines[2]+"\n"), false)
	check("a line twice", []byte(lines[0]+lines[0]), false)
	check("a long line", []byte(strings.Repeat("x", 5_000)), false)
	if _, err := auditlog.Check(bytes.NewReader(text), ledger.Digest{2}); !errors.Is(err, auditlog.ErrDamaged) {
		t.Errorf("another chain's: %v", err)
	}
	if err := os.WriteFile(path, []byte(lines[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := auditlog.Open(path, ledger.Digest{1}, time.Now); !errors.Is(err, auditlog.ErrDamaged) || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a damaged log is opened: %v", err)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"n":1,"time":"2026-01-01T00:00:00Z","member":"01","act":"a","subject":"","outcome":"ok","previous":"00"}` + "\n"))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		head, err := auditlog.Check(bytes.NewReader(b), ledger.Digest{1})
		if err == nil && head.Bytes > int64(len(b)) {
			t.Errorf("%d bytes counted of %d", head.Bytes, len(b))
		}
	})
}
