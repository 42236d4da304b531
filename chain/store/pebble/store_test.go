package pebble_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/chain/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func owned(fs vfs.FS) pebble.Options {
	return pebble.Options{FS: fs, Chain: ledger.Digest{1}, Node: ledger.ID{2}, CacheBytes: 1 << 20}
}

func open(t testing.TB, dir string, opts pebble.Options) *pebble.Store {
	t.Helper()
	s, err := pebble.Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t testing.TB, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) store.Store {
		t.Helper()
		return open(t, "store", owned(vfs.NewMem()))
	})
}

func TestReopen(t *testing.T) {
	t.Parallel()
	dir, m := t.TempDir(), storetest.NewModel()
	for height := range uint64(5) {
		s := open(t, dir, owned(nil))
		if err := m.Compare(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		c := storetest.NewCommit(height, map[string]string{"k": fmt.Sprint(height), fmt.Sprint("only ", height): ""})
		if err := s.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		m.Apply(c)
		closeStore(t, s)
	}
	readOnly := owned(nil)
	readOnly.ReadOnly = true
	s := open(t, dir, readOnly)
	if err := m.Compare(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(t.Context(), storetest.NewCommit(5, nil)); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("apply: %v, want ErrReadOnly", err)
	}
	if err := s.PutSignature(t.Context(), ledger.HeaderSignature{}); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("put signature: %v, want ErrReadOnly", err)
	}
}

func TestReadOnlyNeedsAStore(t *testing.T) {
	t.Parallel()
	for name, fs := range map[string]vfs.FS{"disk": vfs.Default, "memory": vfs.NewMem()} {
		opts := owned(fs)
		opts.ReadOnly = true
		if _, err := pebble.Open(t.TempDir(), opts); err == nil {
			t.Errorf("%s: a store that is not there was opened for reading", name)
		}
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	closeStore(t, open(t, "store", owned(fs)))
	for field, change := range map[string]func(*pebble.Options){
		"chain": func(o *pebble.Options) { o.Chain[0]++ },
		"shard": func(o *pebble.Options) { o.Shard++ },
		"node":  func(o *pebble.Options) { o.Node[0]++ },
	} {
		opts := owned(fs)
		change(&opts)
		var other *store.OwnerError
		if _, err := pebble.Open("store", opts); !errors.As(err, &other) || other.Field != field || !errors.Is(err, store.ErrWrongOwner) {
			t.Errorf("another %s: %v, want OwnerError", field, err)
		}
	}
	open(t, "store", owned(fs)) // refusing left no lock behind
}

func TestLocked(t *testing.T) {
	t.Parallel()
	for name, fs := range map[string]vfs.FS{"disk": vfs.Default, "memory": vfs.NewMem()} {
		dir := t.TempDir()
		open(t, dir, owned(fs))
		for _, readOnly := range []bool{false, true} {
			opts := owned(fs)
			opts.ReadOnly = readOnly
			if _, err := pebble.Open(dir, opts); !errors.Is(err, store.ErrLocked) {
				t.Errorf("%s: second open: %v, want ErrLocked", name, err)
			}
		}
	}
}

// TestCrash takes the power away at any moment, with any part of what was not
// synced. What is there afterwards is the state of one height, whole, and not
// below the last one acknowledged; acknowledged signatures are there.
func TestCrash(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		fs := vfs.NewCrashableMem()
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: rapid.IntRange(0, 100).Draw(rt, "percent"), RNG: rng}
		m := storetest.NewModel()
		heights := rapid.IntRange(1, 8).Draw(rt, "heights")
		var commits []*store.Commit
		for height := range heights {
			c := storetest.DrawCommit(rt, uint64(height))
			if height > 0 { // larger than a block of the crash, so that it can tear
				c.Block = bytes.Repeat([]byte{byte(height)}, rapid.IntRange(1, 20_000).Draw(rt, "block"))
			}
			commits = append(commits, c)
		}
		crashAt := rapid.IntRange(0, heights-1).Draw(rt, "crash at")
		s, err := pebble.Open("dir/store", owned(fs))
		if err != nil {
			rt.Fatal(err)
		}
		var clone *vfs.MemFS
		var acknowledged int
		for height, c := range commits {
			var group sync.WaitGroup
			if height == crashAt { // while this commit is under way
				acknowledged = height
				group.Go(func() { clone = fs.CrashClone(cfg) })
			}
			if err := s.Apply(context.Background(), c); err != nil {
				rt.Fatal(err)
			}
			if err := s.PutSignature(t.Context(), ledger.HeaderSignature{Height: c.Height}); err != nil {
				rt.Fatal(err)
			}
			group.Wait()
		}
		if err := s.Close(); err != nil {
			rt.Fatal(err)
		}
		after, err := pebble.Open("dir/store", owned(clone))
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = after.Close() }()
		a, ok, err := after.Applied(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		there := 0
		if ok {
			there = int(a.Height) + 1
		}
		if there < acknowledged {
			rt.Fatalf("%d heights were acknowledged, %d are there", acknowledged, there)
		}
		for _, c := range commits[:there] {
			m.Apply(c)
		}
		if err := m.Compare(t.Context(), after); err != nil {
			rt.Fatal(err)
		}
		for height := range acknowledged {
			if all, err := after.Signatures(t.Context(), uint64(height)); err != nil || len(all) != 1 {
				rt.Fatalf("height %d: %d signatures, %v", height, len(all), err)
			}
		}
		for _, c := range commits[there:] { // and it goes on
			if err := after.Apply(context.Background(), c); err != nil {
				rt.Fatal(err)
			}
			m.Apply(c)
		}
		if err := m.Compare(t.Context(), after); err != nil {
			rt.Fatal(err)
		}
	})
}

// TestDamage flips bytes in the files of a store, one at a time. It says that
// it is corrupt, or it opens at some height and tells the truth about it.
func TestDamage(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := open(t, "store", owned(fs))
	var commits []*store.Commit
	for height := range uint64(4) {
		c := storetest.NewCommit(height, map[string]string{"k": fmt.Sprint(height)})
		if height > 0 {
			c.Block = bytes.Repeat([]byte{byte(height)}, 40_000)
		}
		if err := s.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		commits = append(commits, c)
	}
	closeStore(t, s)
	names, err := fs.List("store")
	if err != nil {
		t.Fatal(err)
	}
	refused, opened := 0, 0
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") && !strings.HasSuffix(name, ".sst") {
			continue
		}
		info, err := fs.Stat(fs.PathJoin("store", name))
		if err != nil {
			t.Fatal(err)
		}
		for at := int64(0); at < info.Size(); at += 7919 {
			damaged := vfs.NewMem()
			if _, err := vfs.Clone(fs, damaged, "store", "store"); err != nil {
				t.Fatal(err)
			}
			flip(t, damaged, fs.PathJoin("store", name), at)
			err := compareAny(t, damaged, commits)
			switch {
			case err == nil:
				opened++
			case errors.Is(err, store.ErrCorrupt):
				refused++
			default:
				t.Errorf("%s damaged at byte %d: %v", name, at, err)
			}
		}
	}
	if refused == 0 || opened == 0 {
		t.Errorf("%d damaged stores were refused, %d opened; want some of each", refused, opened)
	}
}

// compareAny compares a store with the model at the height where it stands.
func compareAny(t *testing.T, fs vfs.FS, commits []*store.Commit) error {
	t.Helper()
	s, err := pebble.Open("store", owned(fs))
	if err != nil {
		return err
	}
	defer closeStore(t, s)
	a, ok, err := s.Applied(t.Context())
	if err != nil {
		return err
	}
	m := storetest.NewModel()
	for _, c := range commits {
		if ok && c.Height <= a.Height {
			m.Apply(c)
		}
	}
	return m.Compare(t.Context(), s)
}

func flip(t *testing.T, fs vfs.FS, path string, at int64) {
	t.Helper()
	f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDiskFull lets a sync of the write-ahead log fail once. The store takes no
// more, even though a retry would seem to work, and opens again whole.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(*pebble.Store) error{
		"apply":     func(s *pebble.Store) error { return s.Apply(context.Background(), storetest.NewCommit(1, nil)) },
		"signature": func(s *pebble.Store) error { return s.PutSignature(t.Context(), ledger.HeaderSignature{Height: 1}) },
	} {
		for _, kind := range []errorfs.OpKind{errorfs.OpFileSyncData, errorfs.OpFileWrite} {
			var fail errorfs.Toggle
			fail.Injector = errorfs.InjectorFunc(func(op errorfs.Op) error {
				if op.Kind == kind && strings.HasSuffix(op.Path, ".log") {
					fail.Off()
					return syscall.ENOSPC
				}
				return nil
			})
			mem := vfs.NewMem()
			s, err := pebble.Open("store", owned(errorfs.Wrap(mem, &fail)))
			if err != nil {
				t.Fatal(err)
			}
			genesis := storetest.NewCommit(0, nil)
			if err := s.Apply(t.Context(), genesis); err != nil {
				t.Fatal(err)
			}
			fail.On()
			if err := write(s); !errors.Is(err, store.ErrFailed) {
				t.Errorf("%s on a full disk: %v, want ErrFailed", name, err)
			}
			for name, err := range map[string]error{
				"apply":     s.Apply(t.Context(), storetest.NewCommit(1, nil)),
				"signature": s.PutSignature(t.Context(), ledger.HeaderSignature{Height: 2}),
			} {
				if !errors.Is(err, store.ErrFailed) {
					t.Errorf("%s afterwards: %v, want ErrFailed", name, err)
				}
			}
			if _, _, err := s.Latest(t.Context(), []byte("k")); !errors.Is(err, store.ErrFailed) {
				t.Errorf("latest afterwards: %v, want ErrFailed", err)
			}
			_ = s.Close() // says again that it failed, or nothing
			after := open(t, "store", owned(mem))
			if err := after.Apply(t.Context(), storetest.NewCommit(1, nil)); err != nil && !errors.Is(err, store.ErrWrongHeight) {
				t.Errorf("apply after opening again: %v", err)
			}
		}
	}
}

// TestQuiet holds that Pebble says nothing by itself below a warning.
func TestQuiet(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	opts := owned(vfs.NewMem())
	opts.Logger = slog.New(slog.NewTextHandler(&out, nil))
	s := open(t, "store", opts)
	if err := s.Apply(t.Context(), storetest.NewCommit(0, nil)); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	if out.Len() > 0 {
		t.Errorf("log is %s, want nothing", &out)
	}
}
