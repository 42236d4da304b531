package pebble_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/chain/store/storetest"
)

// restorePoint is a commit that a store can be restored to.
func restorePoint(height uint64) *store.Commit {
	c := storetest.NewCommit(height, nil)
	c.Transactions = nil
	return c
}

// TestRestoreCrash takes the power away while a store is restored. What is there
// afterwards is a store that says that it is of no use, or all.
func TestRestoreCrash(t *testing.T) {
	t.Parallel()
	const rows = 60_000 // some batches
	for i, at := range []int{0, 1, rows / 2, rows - 1, rows} {
		mem := vfs.NewCrashableMem()
		cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: 25 * i, RNG: rand.New(rand.NewPCG(uint64(i), 1))}
		s, err := pebble.Open("dir/store", owned(mem))
		if err != nil {
			t.Fatal(err)
		}
		var clone *vfs.MemFS
		err = s.Restore(context.Background(), restorePoint(9), nil, func(yield func(store.Row, error) bool) {
			for i := range rows {
				if i == at {
					clone = mem.CrashClone(cfg)
				}
				if !yield(store.Row{Key: fmt.Appendf(nil, "key %08d", i), Value: []byte("some value")}, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if clone == nil { // after the last row: the answer was given
			clone = mem.CrashClone(cfg)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		after, err := pebble.Open("dir/store", owned(clone))
		if at < rows {
			if !errors.Is(err, store.ErrPartial) {
				t.Errorf("crashed at row %d: %v, want ErrPartial", at, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		a, ok, err := after.Applied(context.Background())
		if err != nil || !ok || a.Height != 9 || a.Floor != 9 {
			t.Errorf("crashed when it was done: %+v, %t, %v", a, ok, err)
		}
		closeStore(t, after)
	}
}

// TestPruneCrash takes the power away at any moment of pruning. Nothing at or
// above the floor is lost, nothing below is answered if the floor is there, and
// pruning again leaves what an undisturbed one leaves.
func TestPruneCrash(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		mem := vfs.NewCrashableMem()
		cfg := vfs.CrashCloneCfg{
			UnsyncedDataPercent: rapid.IntRange(0, 100).Draw(rt, "percent"),
			RNG:                 rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1)),
		}
		op := rapid.Int64Range(1, 40).Draw(rt, "crash at write")
		var writes atomic.Int64
		writes.Store(-1 << 40)
		var clone *vfs.MemFS
		var once sync.Once
		counting := &countingFS{FS: mem, wrote: func() {
			if writes.Add(1) == op {
				once.Do(func() { clone = mem.CrashClone(cfg) })
			}
		}}
		s, err := pebble.Open("dir/store", owned(counting))
		if err != nil {
			rt.Fatal(err)
		}
		m := storetest.NewModel()
		for height := range uint64(6) {
			c := storetest.DrawCommit(rt, height)
			if err := s.Apply(context.Background(), c); err != nil {
				rt.Fatal(err)
			}
			m.Apply(c)
		}
		writes.Store(0) // it counts from here
		if err := s.Prune(context.Background(), 4, []uint64{2}); err != nil {
			rt.Fatal(err)
		}
		once.Do(func() { clone = mem.CrashClone(cfg) })
		if err := s.Close(); err != nil {
			rt.Fatal(err)
		}
		after, err := pebble.Open("dir/store", owned(clone))
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = after.Close() }()
		if err := after.Prune(context.Background(), 4, []uint64{2}); err != nil {
			rt.Fatal(err)
		}
		m.Prune(4, []uint64{2})
		if err := m.Compare(context.Background(), after); err != nil {
			rt.Fatal(err)
		}
	})
}

// countingFS tells of each write and sync of a file.
type countingFS struct {
	vfs.FS

	wrote func()
}

func (c *countingFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := c.FS.Create(name, category)
	return &countingFile{f, c.wrote}, err
}

func (c *countingFS) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := c.FS.ReuseForWrite(old, name, category)
	return &countingFile{f, c.wrote}, err
}

type countingFile struct {
	vfs.File

	wrote func()
}

func (c *countingFile) Write(b []byte) (int, error) {
	c.wrote()
	return c.File.Write(b)
}

func (c *countingFile) SyncData() error {
	c.wrote()
	return c.File.SyncData()
}

// TestPruneShrinks measures that the disk has less on it after pruning.
func TestPruneShrinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, owned(nil))
	for height := range uint64(200) {
		c := storetest.NewCommit(height, map[string]string{"k": strings.Repeat(fmt.Sprint(height), 2000)})
		if height > 0 {
			c.Block = bytes.Repeat(fmt.Appendf(nil, "%d %x ", height, rand.N(1<<30)), 3000)
		}
		if err := s.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	sizes := make([]int64, 0, 2)
	for range 2 {
		if err := s.Prune(t.Context(), uint64(190*len(sizes)), nil); err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
		sizes = append(sizes, size(t, dir))
		s = open(t, dir, owned(nil))
	}
	t.Logf("%d bytes before pruning, %d after", sizes[0], sizes[1])
	if sizes[1] > sizes[0]/2 {
		t.Errorf("%d bytes before pruning, %d after; want less than half", sizes[0], sizes[1])
	}
}

// size is that of all files in a directory.
func size(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// ending is a context that ends when it was asked so many times.
type ending struct {
	context.Context
	left int
}

func (e *ending) Err() error {
	if e.left--; e.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestPruneCutShort ends a prune between any two of its batches. Rows that were
// deleted below the floor stay deleted, for good.
func TestPruneCutShort(t *testing.T) {
	t.Parallel()
	for cut := 1; cut <= 8; cut++ {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			t.Parallel()
			s, err := pebble.Open("dir", owned(vfs.NewMem()))
			if err != nil {
				t.Fatal(err)
			}
			defer closeStore(t, s)
			// Two rows to forget for each key; with the lengths of the keys the batches end
			// before the first in some cuts and before the second in others.
			long := strings.Repeat("k", 3001)
			for height := range uint64(4) {
				c := storetest.NewCommit(height, nil)
				for i := range 1601 {
					key := fmt.Appendf(nil, "%04d%s", i, long[:3001-i%7*101])
					switch height {
					case 1:
						c.Writes = append(c.Writes, ledger.Write{Key: key, Value: []byte("value")})
					case 2:
						c.Writes = append(c.Writes, ledger.Write{Key: key, Delete: true})
					}
				}
				if err := s.Apply(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			none := func(when string) {
				rows, err := s.Scan(t.Context(), 3, nil, nil, store.MaxScanRows)
				if err != nil || len(rows) != 0 {
					t.Fatalf("%s there are %d rows at height 3, error %v", when, len(rows), err)
				}
			}
			if err := s.Prune(&ending{t.Context(), cut}, 3, nil); !errors.Is(err, context.Canceled) {
				t.Fatalf("pruning was not cut short: %v", err)
			}
			none("after a prune that was cut short")
			if err := s.Prune(t.Context(), 3, nil); err != nil {
				t.Fatal(err)
			}
			none("after the next one")
		})
	}
}
