package local_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/order/local"
	"github.com/librum/librum/chain/order/ordertest"
)

func isSegment(path string) bool { return strings.HasSuffix(path, ".log") }

func yield() { runtime.Gosched() }

// disk is what a directory of five records, appended one after the other,
// holds: after each of them, and after closing.
type disk struct {
	segment string
	bytes   []byte   // of the segment, closed
	ends    []int    // where record i ends in it
	acked   [][]byte // the acknowledged file after record i
}

var fiveRecords = []string{"zero", "one", strings.Repeat("two", 50), "three", "four"}

func writeFive(t *testing.T) disk {
	t.Helper()
	dir := t.TempDir()
	var d disk
	l := open(t, vfs.Default, dir, local.Options{})
	d.segment = "00000000000000000000.log"
	for _, r := range fiveRecords {
		appendAll(t, l, r)
		d.bytes = mustRead(t, filepath.Join(dir, d.segment))
		d.ends = append(d.ends, len(d.bytes))
		d.acked = append(d.acked, mustRead(t, filepath.Join(dir, "acknowledged")))
	}
	closeLog(t, l)
	return d
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// try opens a directory of these two files and reads what is there.
func (d disk) try(t *testing.T, segment, acked []byte) ([]string, error) {
	t.Helper()
	fs := vfs.NewMem()
	for name, content := range map[string][]byte{d.segment: segment, "acknowledged": acked} {
		f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(slices.Clone(content)); err != nil { // a vfs.File may change what it is given
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l, err := local.Open(t.Context(), fs, "", local.Options{})
	if err != nil {
		return nil, err
	}
	defer closeLog(t, l)
	all, err := ordertest.ReadAll(t.Context(), l, 0)
	if err != nil {
		return nil, err
	}
	// A log that opened must also go on, and again after that.
	appendAll(t, l, "more")
	closeLog(t, l)
	l = open(t, fs, "", local.Options{})
	if got, want := len(readAll(t, l)), len(all)+1; got != want {
		t.Errorf("after one more record and opening again there are %d, want %d", got, want)
	}
	out := make([]string, len(all))
	for i, r := range all {
		out[i] = string(r)
	}
	return out, nil
}

// TestEveryDamagedByte damages each byte of a segment that was acknowledged
// whole. None of them passes, none is taken for a torn tail.
func TestEveryDamagedByte(t *testing.T) {
	t.Parallel()
	d := writeFive(t)
	newest := d.acked[len(d.acked)-1]
	for i := range d.bytes {
		damaged := slices.Clone(d.bytes)
		damaged[i] ^= 0x10
		if got, err := d.try(t, damaged, newest); !errors.Is(err, order.ErrCorrupt) {
			t.Errorf("byte %d damaged: %q, %v; want ErrCorrupt", i, got, err)
		}
	}
}

// TestEveryLength cuts the segment at each byte while the acknowledged file
// stands as after record k. Cut behind k it is a torn tail; cut before it is
// corruption.
func TestEveryLength(t *testing.T) {
	t.Parallel()
	d := writeFive(t)
	for k, acked := range d.acked {
		for size := range len(d.bytes) + 1 {
			whole := 0
			for whole < len(d.ends) && d.ends[whole] <= size {
				whole++
			}
			got, err := d.try(t, d.bytes[:size], acked)
			if whole <= k {
				if !errors.Is(err, order.ErrCorrupt) {
					t.Errorf("%d acknowledged, cut at byte %d: %q, %v; want ErrCorrupt", k+1, size, got, err)
				}
			} else if err != nil || !slices.Equal(got, fiveRecords[:whole]) {
				t.Errorf("%d acknowledged, cut at byte %d: %q, %v; want %d records", k+1, size, got, err, whole)
			}
		}
	}
}

// TestLaterFrameProves lets the acknowledged file lag, as after a loss of
// power: what is written behind a record still proves that it was acknowledged.
func TestLaterFrameProves(t *testing.T) {
	t.Parallel()
	d := writeFive(t)
	for i, end := range d.ends {
		damaged := slices.Clone(d.bytes)
		damaged[end-1] ^= 1
		got, err := d.try(t, damaged, d.acked[0])
		switch last := i == len(d.ends)-1; {
		case i == 0 || !last:
			var corrupt *order.CorruptError
			if !errors.As(err, &corrupt) || corrupt.Offset != uint64(i) || !strings.Contains(corrupt.File, d.segment) {
				t.Errorf("record %d damaged: %q, %v; want CorruptError at its offset", i, got, err)
			}
		case err != nil || !slices.Equal(got, fiveRecords[:i]): // the limit that doc.go names
			t.Errorf("last record damaged, its end not known: %q, %v", got, err)
		}
	}
}

func TestAckedFile(t *testing.T) {
	t.Parallel()
	d := writeFive(t)
	newest := d.acked[len(d.acked)-1]
	for i := range newest {
		damaged := slices.Clone(newest)
		damaged[i] ^= 0x10 // one slot at most: the other, or the frames, tell
		if got, err := d.try(t, d.bytes, damaged); err != nil || !slices.Equal(got, fiveRecords) {
			t.Errorf("byte %d of the acknowledged file damaged: %q, %v", i, got, err)
		}
	}
	if _, err := d.try(t, d.bytes, nil); !errors.Is(err, order.ErrCorrupt) {
		t.Errorf("acknowledged file empty: %v, want ErrCorrupt", err)
	}
}

// TestForgedFrame appends a record that holds the bytes of a frame which says
// that more was acknowledged, and tears it. Were it believed, a client could
// stop the log for good.
func TestForgedFrame(t *testing.T) {
	t.Parallel()
	d := writeFive(t)
	for _, forged := range [][]byte{local.FrameBytes(0, 5, 5, []byte("x")), local.FrameBytes(0, 6, 6, nil), local.FrameBytes(0, 100, 90, nil)} {
		frame := local.FrameBytes(local.Seed(d.bytes), 5, 5, forged)
		torn := slices.Concat(d.bytes, frame)
		torn[len(d.bytes)+30] ^= 1
		if got, err := d.try(t, torn, d.acked[4]); err != nil || !slices.Equal(got, fiveRecords) {
			t.Errorf("torn record with a forged frame: %q, %v", got, err)
		}
	}
}

func TestMissingSegment(t *testing.T) {
	t.Parallel()
	for _, gone := range []int{1, -1} { // one in the middle, the last
		dir := t.TempDir()
		l := open(t, vfs.Default, dir, small)
		for range 100 {
			appendAll(t, l, strings.Repeat("x", 400))
		}
		closeLog(t, l)
		names, err := filepath.Glob(filepath.Join(dir, "*.log"))
		if err != nil || len(names) < 4 {
			t.Fatalf("%d segments, %v; want some", len(names), err)
		}
		if err := os.Remove(names[(gone+len(names))%len(names)]); err != nil {
			t.Fatal(err)
		}
		if _, err := local.Open(t.Context(), vfs.Default, dir, small); !errors.Is(err, order.ErrCorrupt) {
			t.Errorf("segment %d removed: %v, want ErrCorrupt", gone, err)
		}
	}
}

// TestDamageInOldSegment is found when it is read, not when the log is opened.
func TestDamageInOldSegment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, vfs.Default, dir, small)
	for range 100 {
		appendAll(t, l, strings.Repeat("x", 400))
	}
	closeLog(t, l)
	path := filepath.Join(dir, "00000000000000000000.log")
	b := mustRead(t, path)
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	l = open(t, vfs.Default, dir, small)
	if _, err := ordertest.ReadAll(t.Context(), l, 0); !errors.Is(err, order.ErrCorrupt) {
		t.Errorf("read: %v, want ErrCorrupt", err)
	}
	if _, err := l.Append(t.Context(), nil); err != nil {
		t.Errorf("append: %v", err)
	}
}

// TestCrash appends from several goroutines, takes the power away at any
// moment, with any part of what was not synced, and opens again. What was
// acknowledged is there; what is there was appended, once.
func TestCrash(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		h := &history{acked: map[uint64]string{}, sent: map[string]bool{}}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		fs := vfs.NewCrashableMem()
		for life := range rapid.IntRange(1, 4).Draw(rt, "lives") {
			l, err := local.Open(context.Background(), fs, "dir/log", small)
			if err != nil {
				rt.Fatalf("life %d: %v", life, err)
			}
			if err := h.check(l); err != nil {
				rt.Fatalf("life %d: %v", life, err)
			}
			fs = h.live(rt, l, fs, rng, life)
			if err := l.Close(); err != nil {
				rt.Fatalf("life %d: close: %v", life, err)
			}
		}
		l, err := local.Open(context.Background(), fs, "dir/log", small)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		if err := h.check(l); err != nil {
			rt.Fatal(err)
		}
	})
}

type history struct {
	mu    sync.Mutex
	acked map[uint64]string
	sent  map[string]bool
}

// live runs writers and returns the file system as a crash amid them leaves it.
func (h *history) live(rt *rapid.T, l *local.Log, fs *vfs.MemFS, rng *rand.Rand, life int) *vfs.MemFS {
	writers := rapid.IntRange(1, 4).Draw(rt, "writers")
	each := rapid.IntRange(1, 12).Draw(rt, "each")
	size := rapid.IntRange(0, 6000).Draw(rt, "size")
	crashAt := rapid.IntRange(0, writers*each).Draw(rt, "crash at")
	cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: rapid.IntRange(0, 100).Draw(rt, "percent"), RNG: rng}
	var group sync.WaitGroup
	var once sync.Once
	var clone *vfs.MemFS
	atCrash := map[uint64]string{} // what was acknowledged when the power went
	crash := func() {
		once.Do(func() { // under h.mu: nothing is noted meanwhile
			maps.Copy(atCrash, h.acked)
			clone = fs.CrashClone(cfg)
		})
	}
	count := 0
	for w := range writers {
		group.Go(func() {
			for i := range each {
				record := fmt.Sprintf("%d/%d/%d %s", life, w, i, bytes.Repeat([]byte{byte(w + 1)}, size))
				h.mu.Lock()
				h.sent[record] = true
				if count++; count >= crashAt {
					crash() // while other writers are inside Append
				}
				h.mu.Unlock()
				offset, err := l.Append(context.Background(), []byte(record))
				if err != nil {
					continue
				}
				h.mu.Lock()
				h.acked[offset] = record
				h.mu.Unlock()
			}
		})
	}
	group.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	crash()
	h.acked = atCrash
	return clone
}

func (h *history) check(l order.Log) error {
	all, err := ordertest.ReadAll(context.Background(), l, 0)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for offset, r := range all {
		if !h.sent[string(r)] || seen[string(r)] {
			return fmt.Errorf("record %d was never appended, or stands twice: %.20q", offset, r)
		}
		seen[string(r)] = true
	}
	for offset, r := range h.acked {
		if offset >= uint64(len(all)) || string(all[offset]) != r {
			return fmt.Errorf("record %d was acknowledged and is lost; the log has %d", offset, len(all))
		}
	}
	for offset, r := range all { // shown once, so kept from now on
		h.acked[uint64(offset)] = string(r)
	}
	return nil
}
