package transport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/registry"
	"github.com/librum/librum/chain/registry/file"
	"github.com/librum/librum/chain/transport"
)

// directory runs a node's directory until stop is called.
func directory(t *testing.T, r registry.Registry, i int, address string) (_ *transport.Directory, stop func()) {
	t.Helper()
	d, err := transport.NewDirectory(transport.DirectoryConfig{
		Chain: ledger.Digest{1}, Self: aplostest.NodeID(i), Address: address, Term: 2 * time.Second, Retry: 10 * time.Millisecond,
		Registry: r, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return d, stop
}

func wantAddress(t *testing.T, d *transport.Directory, i int, want string) {
	t.Helper()
	n := &network{state: &state{TB: t}}
	n.eventually(fmt.Sprintf("node %d to be at %q", i, want), func() error {
		if got, _ := d.Address(aplostest.NodeID(i)); got != want {
			return fmt.Errorf("it is at %q", got)
		}
		return nil
	})
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	r := file.Open(filepath.Join(t.TempDir(), "registry.json"), time.Now)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	a, _ := directory(t, r, 0, "127.0.0.1:7001")
	_, stop := directory(t, r, 1, "node-1.example.org:7002")
	wantAddress(t, a, 0, "127.0.0.1:7001")
	wantAddress(t, a, 1, "node-1.example.org:7002")
	// It comes back elsewhere, before its earlier life has let go: it gets its
	// turn.
	_, _ = directory(t, r, 1, "node-1.example.org:7003")
	stop()
	wantAddress(t, a, 1, "node-1.example.org:7003")
	// What is no address, or no node's, is passed over.
	prefix := "nodes/" + ledger.Digest{1}.String() + "/"
	for key, value := range map[string]string{
		prefix + aplostest.NodeID(2).String(): "127.0.0.1", prefix + "x": "127.0.0.1:1", prefix + aplostest.NodeID(3).String(): "0.0.0.0:7",
	} {
		if _, err := r.Put(t.Context(), key, []byte(value), registry.Absent); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Put(t.Context(), prefix+aplostest.NodeID(4).String(), []byte("[::1]:7004"), registry.Absent); err != nil {
		t.Fatal(err)
	}
	wantAddress(t, a, 4, "[::1]:7004")
	for _, i := range []int{2, 3} {
		if got, ok := a.Address(aplostest.NodeID(i)); ok {
			t.Errorf("node %d is at %q", i, got)
		}
	}
}

// TestNameTaken puts another address under a node's name, for good: the node says
// so, not at once and not without end, until the name is free.
func TestNameTaken(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "registry.json")
	r := file.Open(path, time.Now)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	key := "nodes/" + ledger.Digest{1}.String() + "/" + aplostest.NodeID(0).String()
	for range 2 { // so that its revision is none of a new file
		if _, err := r.Put(t.Context(), key, []byte("192.0.2.1:7001"), registry.Any); err != nil {
			t.Fatal(err)
		}
	}
	var said logged
	var looks atomic.Int64 // of the clock, a second apart
	d, err := transport.NewDirectory(transport.DirectoryConfig{
		Chain: ledger.Digest{1}, Self: aplostest.NodeID(0), Address: "127.0.0.1:7001", Term: 2 * time.Second, Retry: time.Millisecond,
		Registry: r, Now: func() time.Time { return time.Unix(looks.Add(1), 0) }, Logger: slog.New(slog.NewTextHandler(&said, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	n := &network{state: &state{TB: t}}
	n.eventually("the node to find its name taken", func() error {
		if !d.Taken() || looks.Load() < 20 {
			return errors.New("not taken")
		}
		return nil
	})
	if text := said.String(); strings.Count(text, "another holds this node's name") != 1 || !strings.Contains(text, key) {
		t.Errorf("it says:\n%s", text)
	}
	if err := os.Remove(path); err != nil { // the operator deletes the key
		t.Fatal(err)
	}
	wantAddress(t, d, 0, "127.0.0.1:7001")
	if d.Taken() {
		t.Error("it has its name, and says that another has")
	}
}

// logged is a log that may be read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestDirectoryRefuses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "host", ":7400", "host:0", "host:x", "host:70000", "0.0.0.0:7400", "[::]:7400", "224.0.0.1:7400"} {
		if _, err := transport.NewDirectory(transport.DirectoryConfig{Address: address}); err == nil {
			t.Errorf("address %q was taken", address)
		}
	}
}

// away is a registry that fails a few times.
type away struct {
	registry.Registry
	mu    sync.Mutex
	times int
}

var errAway = errors.New("the registry is away")

func (a *away) fail() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times--
	return a.times >= 0
}

func (a *away) Hold(ctx context.Context, key string, value []byte, term time.Duration) error {
	if a.fail() {
		return errAway
	}
	return a.Registry.Hold(ctx, key, value, term)
}

func (a *away) Watch(ctx context.Context, prefix string, see func([]registry.Entry) error) error {
	if a.fail() {
		return errAway
	}
	return a.Registry.Watch(ctx, prefix, see)
}

func TestRegistryAway(t *testing.T) {
	t.Parallel()
	r := file.Open(filepath.Join(t.TempDir(), "registry.json"), time.Now)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	d, _ := directory(t, &away{Registry: r, times: 6}, 0, "127.0.0.1:7001")
	wantAddress(t, d, 0, "127.0.0.1:7001")
}
