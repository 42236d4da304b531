package certfile_test

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/librum/librum/internal/certfile"
)

// files is a certificate of two files; "good N" in both makes certificate N.
type files struct {
	t          *testing.T
	cert, key  string
	source     *certfile.Source[tls.Certificate]
	mutex      sync.Mutex
	now        time.Time
	loads      int
	generation int64
}

func newFiles(t *testing.T) *files {
	t.Helper()
	dir := t.TempDir()
	f := &files{t: t, cert: filepath.Join(dir, "cert"), key: filepath.Join(dir, "key"), now: time.Unix(1_000, 0)}
	f.write(f.cert, "one")
	f.write(f.key, "one")
	var err error
	if f.source, err = certfile.Open([]string{f.cert, f.key}, f.load, f.clock, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *files) clock() time.Time {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.now
}

func (f *files) pass(d time.Duration) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.now = f.now.Add(d)
}

func (f *files) write(path, text string) {
	f.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	f.generation++ // file systems with coarse times would show no change
	at := time.Unix(f.generation, 0)
	if err := os.Chtimes(path, at, at); err != nil {
		f.t.Fatal(err)
	}
}

func (f *files) load() (*tls.Certificate, error) {
	f.mutex.Lock()
	f.loads++
	f.mutex.Unlock()
	cert, err := os.ReadFile(f.cert)
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(f.key)
	if err != nil {
		return nil, err
	}
	if string(cert) != string(key) {
		return nil, errors.New("the key is not the certificate's")
	}
	return &tls.Certificate{OCSPStaple: cert}, nil
}

func (f *files) want(text string, loads int) {
	f.t.Helper()
	c, err := f.source.Current(), error(nil)
	if err != nil || string(c.OCSPStaple) != text || f.loads != loads {
		f.t.Errorf("served %s after %d loads, %v; want %s after %d", c.OCSPStaple, f.loads, err, text, loads)
	}
}

func TestFollowsItsFiles(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	f.want("one", 1)
	f.pass(time.Hour)
	f.want("one", 1) // nothing has changed
	f.write(f.cert, "two")
	f.want("one", 1) // looked at a moment ago
	f.pass(certfile.Interval)
	f.want("one", 2) // half of the pair
	f.want("one", 2)
	f.write(f.key, "two")
	f.pass(certfile.Interval)
	f.want("two", 3)
	if err := os.Remove(f.cert); err != nil {
		t.Fatal(err)
	}
	f.pass(certfile.Interval)
	f.want("two", 3) // away: the old one is served
	f.write(f.cert, "three")
	f.write(f.key, "three")
	f.pass(-time.Minute) // a clock that was put back
	f.want("three", 4)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	f.write(f.key, "another")
	if _, err := certfile.Open([]string{f.cert, f.key}, f.load, f.clock, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a pair that does not fit was opened")
	}
}

// TestHandshakesDoNotWait has one handshake load, and the others go on.
func TestHandshakesDoNotWait(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	begun, release := make(chan struct{}), make(chan struct{})
	first := true
	source, err := certfile.Open([]string{f.cert}, func() (*tls.Certificate, error) {
		if !first {
			close(begun)
			<-release
		}
		first = false
		return &tls.Certificate{}, nil
	}, f.clock, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f.write(f.cert, "two")
	f.pass(certfile.Interval)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = source.Current(), error(nil)
	}()
	<-begun
	if _, err := source.Current(), error(nil); err != nil { // hangs if it waits
		t.Error(err)
	}
	close(release)
	<-done
}
