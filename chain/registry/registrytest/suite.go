package registrytest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/librum/librum/chain/registry"
)

// patience bounds each wait of the suite.
const patience = 30 * time.Second

// Handle is an open registry; closing it ends its holds as a crash would.
type Handle interface {
	registry.Registry
	Close() error
}

// Run checks a driver. open opens the same empty registry at each call within
// one test, and another in each test; who opened it sees to closing it, by
// t.Cleanup, and closing it twice does no harm.
func Run(t *testing.T, registryOf func(t testing.TB) (open func() Handle)) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, func() Handle){
		"Put": testPut, "Race": testRace, "Hold": testHold, "Death": testDeath, "Lost": testLost,
		"Watch": testWatch, "Refused": testRefused, "Ended": testEnded,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, registryOf(t))
		})
	}
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// Text returns entries as one line.
func Text(entries []registry.Entry) string {
	words := make([]string, 0, len(entries))
	for _, e := range entries {
		words = append(words, fmt.Sprintf("%s=%s", e.Key, e.Value))
	}
	return strings.Join(words, " ")
}

func mustPut(t testing.TB, r registry.Registry, key, value string, at uint64) uint64 {
	t.Helper()
	revision, err := r.Put(within(t), key, []byte(value), at)
	if err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
	return revision
}

func wantList(t testing.TB, r registry.Registry, prefix, want string) []registry.Entry {
	t.Helper()
	entries, err := r.List(within(t), prefix)
	if err != nil || Text(entries) != want {
		t.Fatalf("list %q: %q, %v; want %q", prefix, Text(entries), err, want)
	}
	return entries
}

var errSeen = errors.New("seen")

// await watches until the entries are those.
func await(t testing.TB, r registry.Registry, prefix, want string) {
	t.Helper()
	last := "nothing"
	err := r.Watch(within(t), prefix, func(entries []registry.Entry) error {
		if last = Text(entries); last == want {
			return errSeen
		}
		return nil
	})
	if !errors.Is(err, errSeen) {
		t.Fatalf("watch %q: %v; saw %q last, want %q", prefix, err, last, want)
	}
}

func testPut(t *testing.T, open func() Handle) {
	t.Helper()
	a, b := open(), open()
	wantList(t, a, "", "")
	first := mustPut(t, a, "x/1", "one", registry.Absent)
	for _, at := range []uint64{registry.Absent, first + 1} {
		if _, err := b.Put(within(t), "x/1", []byte("other"), at); !errors.Is(err, registry.ErrConflict) {
			t.Errorf("put at revision %d: %v, want ErrConflict", at, err)
		}
	}
	if _, err := b.Put(within(t), "x/2", nil, first); !errors.Is(err, registry.ErrConflict) {
		t.Errorf("put of a key that is not there: %v, want ErrConflict", err)
	}
	second := mustPut(t, b, "x/1", "two", first)
	if second <= first {
		t.Errorf("revision %d follows %d", second, first)
	}
	mustPut(t, a, "y", "", registry.Any)
	mustPut(t, a, "x/1", "three", registry.Any)
	mustPut(t, a, "x", "zero", registry.Absent)
	for _, r := range []registry.Registry{a, b} {
		wantList(t, r, "", "x=zero x/1=three y=")
		wantList(t, r, "x/", "x/1=three")
		wantList(t, r, "z", "")
	}
	entry := wantList(t, open(), "x/1", "x/1=three")[0]
	mustPut(t, b, "x/1", "four", entry.Revision)
}

// testRace lets many put one key at once: one wins each round.
func testRace(t *testing.T, open func() Handle) {
	t.Helper()
	handles := []Handle{open(), open(), open(), open()}
	at := registry.Absent
	for range 5 {
		var group sync.WaitGroup
		revisions, errs := make([]uint64, 8), make([]error, 8)
		for i := range errs {
			group.Go(func() {
				revisions[i], errs[i] = handles[i%len(handles)].Put(within(t), "k", fmt.Append(nil, i), at)
			})
		}
		group.Wait()
		won := -1
		for i, err := range errs {
			switch {
			case err == nil && won >= 0:
				t.Fatalf("%d and %d both put the key at revision %d", won, i, at)
			case err == nil:
				won = i
			case !errors.Is(err, registry.ErrConflict):
				t.Fatalf("put: %v, want ErrConflict", err)
			}
		}
		if won < 0 {
			t.Fatal("nobody put the key")
		}
		wantList(t, handles[0], "k", fmt.Sprint("k=", won))
		at = revisions[won]
	}
}

// hold starts a hold and waits until it is seen.
func hold(t testing.TB, r registry.Registry, key, value string, term time.Duration) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Hold(ctx, key, []byte(value), term) }()
	t.Cleanup(cancel)
	await(t, r, key, key+"="+value)
	return func() error { cancel(); return <-done }
}

func testHold(t *testing.T, open func() Handle) {
	t.Helper()
	a, b := open(), open()
	stop := hold(t, a, "nodes/a", "here", time.Minute)
	if err := b.Hold(within(t), "nodes/a", nil, time.Minute); !errors.Is(err, registry.ErrConflict) {
		t.Errorf("hold of what is held: %v, want ErrConflict", err)
	}
	other := hold(t, b, "nodes/b", "there", time.Minute)
	wantList(t, b, "nodes/", "nodes/a=here nodes/b=there")
	if err := stop(); err != nil {
		t.Errorf("the end of a hold: %v", err)
	}
	wantList(t, b, "nodes/", "nodes/b=there")
	if err := other(); err != nil {
		t.Errorf("the end of a hold: %v", err)
	}
	wantList(t, a, "nodes/", "")
	if err := hold(t, b, "nodes/a", "again", time.Minute)(); err != nil {
		t.Errorf("the end of a hold: %v", err)
	}
}

// testDeath closes the handle of a holder: what it held stays for a while, is
// renewed by nobody, and goes. Another hold of a short term is kept beyond it.
func testDeath(t *testing.T, open func() Handle) {
	t.Helper()
	dying, living := open(), open()
	hold(t, dying, "dying", "x", registry.MinTerm)
	stop := hold(t, living, "living", "y", registry.MinTerm)
	if err := dying.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, living, "", "living=y")
	await(t, living, "dying", "")
	if err := stop(); err != nil {
		t.Errorf("the end of a hold: %v", err)
	}
}

// testLost overwrites what is held: the holder hears of it and leaves it be.
func testLost(t *testing.T, open func() Handle) {
	t.Helper()
	a, b := open(), open()
	done := make(chan error, 1)
	go func() { done <- a.Hold(within(t), "k", []byte("mine"), registry.MinTerm) }()
	await(t, b, "k", "k=mine")
	mustPut(t, b, "k", "yours", registry.Any)
	if err := <-done; !errors.Is(err, registry.ErrLost) {
		t.Errorf("hold that was overwritten: %v, want ErrLost", err)
	}
	wantList(t, b, "k", "k=yours")
}

func testWatch(t *testing.T, open func() Handle) {
	t.Helper()
	a, b := open(), open()
	mustPut(t, a, "other", "x", registry.Any)
	seen := make(chan string, 100)
	ctx, cancel := context.WithCancel(within(t))
	done := make(chan error, 1)
	go func() {
		done <- b.Watch(ctx, "w/", func(entries []registry.Entry) error {
			seen <- Text(entries)
			return nil
		})
	}()
	wait := func(want string) {
		t.Helper()
		timeout := time.After(patience)
		for {
			select {
			case got := <-seen:
				if got == want {
					return
				}
			case <-timeout:
				t.Fatalf("never saw %q", want)
			}
		}
	}
	wait("")
	mustPut(t, a, "w/1", "one", registry.Any)
	wait("w/1=one")
	stop := hold(t, a, "w/2", "two", time.Minute)
	wait("w/1=one w/2=two")
	mustPut(t, a, "w/1", "uno", registry.Any)
	wait("w/1=uno w/2=two")
	if err := stop(); err != nil {
		t.Error(err)
	}
	wait("w/1=uno")
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("watch ended with %v, want context.Canceled", err)
	}
}

func testRefused(t *testing.T, open func() Handle) {
	t.Helper()
	r := open()
	_, badKey := r.Put(within(t), "../up", nil, registry.Any)
	_, longValue := r.Put(within(t), "k", make([]byte, registry.MaxValueBytes+1), registry.Any)
	for name, err := range map[string]error{
		"key": badKey, "value": longValue,
		"held key": r.Hold(within(t), "", nil, time.Minute), "term": r.Hold(within(t), "k", nil, 0),
	} {
		if err == nil {
			t.Errorf("a bad %s was taken", name)
		}
	}
	wantList(t, r, "", "")
}

func testEnded(t *testing.T, open func() Handle) {
	t.Helper()
	r := open()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, put := r.Put(ctx, "k", nil, registry.Any)
	_, list := r.List(ctx, "")
	for name, err := range map[string]error{"put": put, "list": list, "watch": r.Watch(ctx, "", func([]registry.Entry) error { return nil })} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, put = r.Put(within(t), "k", nil, registry.Any)
	_, list = r.List(within(t), "")
	for name, err := range map[string]error{
		"put": put, "list": list, "hold": r.Hold(within(t), "k", nil, time.Minute),
		"watch": r.Watch(within(t), "", func([]registry.Entry) error { return nil }),
	} {
		if !errors.Is(err, registry.ErrClosed) {
			t.Errorf("%s: %v, want ErrClosed", name, err)
		}
	}
}
