package local_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"

	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/order/local"
	"github.com/librum/librum/chain/order/ordertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// small makes segments and memory so small that every path is taken.
var small = local.Options{SegmentBytes: 8 << 10, TailBytes: 2 << 10}

func open(t testing.TB, fs vfs.FS, dir string, opts local.Options) *local.Log {
	t.Helper()
	l, err := local.Open(context.Background(), fs, dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLog(t, l) })
	return l
}

func closeLog(t testing.TB, l *local.Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func appendAll(t testing.TB, l order.Log, records ...string) {
	t.Helper()
	for _, r := range records {
		if _, err := l.Append(t.Context(), []byte(r)); err != nil {
			t.Fatal(err)
		}
	}
}

func readAll(t testing.TB, l order.Log) []string {
	t.Helper()
	all, err := ordertest.ReadAll(context.Background(), l, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(all))
	for i, r := range all {
		out[i] = string(r)
	}
	return out
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]local.Options{"default": {}, "small": small} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ordertest.Run(t, func(t testing.TB) order.Log {
				t.Helper()
				return open(t, vfs.NewMem(), "log", opts)
			})
		})
	}
	t.Run("disk", func(t *testing.T) {
		t.Parallel()
		l := open(t, vfs.Default, t.TempDir(), small)
		appendAll(t, l, "a", "b")
		if got := readAll(t, l); fmt.Sprint(got) != "[a b]" {
			t.Errorf("read %q", got)
		}
	})
}

func TestReopen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var want []string
	l := open(t, vfs.Default, dir, small)
	topic := l.Topic()
	for round := range 5 {
		for i := range 20 {
			record := fmt.Sprintf("%d/%d %s", round, i, bytes.Repeat([]byte{'x'}, 300))
			appendAll(t, l, record)
			want = append(want, record)
		}
		closeLog(t, l)
		l = open(t, vfs.Default, dir, small)
		if l.Topic() != topic {
			t.Fatalf("topic is %s, was %s", l.Topic(), topic)
		}
		if got := readAll(t, l); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("round %d: read %d records, want %d", round, len(got), len(want))
		}
	}
	if err := l.Trim(t.Context(), 60); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	l = open(t, vfs.Default, dir, small)
	if _, err := l.Read(t.Context(), 0, 1); !errors.Is(err, order.ErrTrimmed) {
		t.Errorf("read of a trimmed record: %v, want ErrTrimmed", err)
	}
	if all, err := ordertest.ReadAll(t.Context(), l, 60); err != nil || len(all) != 40 {
		t.Errorf("read %d records behind the trimmed ones, %v; want 40", len(all), err)
	}
}

func TestLocked(t *testing.T) {
	t.Parallel()
	for name, fs := range map[string]vfs.FS{"disk": vfs.Default, "memory": vfs.NewMem()} {
		dir := t.TempDir()
		l := open(t, fs, dir, local.Options{})
		for _, opts := range []local.Options{{}, {ReadOnly: true}} {
			if _, err := local.Open(t.Context(), fs, dir, opts); !errors.Is(err, local.ErrLocked) {
				t.Errorf("%s: second open: %v, want ErrLocked", name, err)
			}
		}
		closeLog(t, l)
		open(t, fs, dir, local.Options{})
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	if _, err := local.Open(t.Context(), fs, "log", local.Options{ReadOnly: true}); err == nil {
		t.Error("a log that is not there was opened for reading")
	}
	l := open(t, fs, "log", small)
	appendAll(t, l, "a", "b")
	closeLog(t, l)
	before := fs.String()
	l = open(t, fs, "log", local.Options{ReadOnly: true})
	if got := readAll(t, l); fmt.Sprint(got) != "[a b]" {
		t.Errorf("read %q", got)
	}
	if _, err := l.Append(t.Context(), nil); !errors.Is(err, local.ErrReadOnly) {
		t.Errorf("append: %v, want ErrReadOnly", err)
	}
	if err := l.Trim(t.Context(), 1); !errors.Is(err, local.ErrReadOnly) {
		t.Errorf("trim: %v, want ErrReadOnly", err)
	}
	closeLog(t, l)
	if after := fs.String(); after != before {
		t.Errorf("files changed from\n%s\nto\n%s", before, after)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, opts := range []local.Options{{SegmentBytes: 100}, {TailBytes: -1}, {MaxRecordBytes: -1}, {MaxRecordBytes: 2 << 20}} {
		if _, err := local.Open(t.Context(), vfs.NewMem(), "log", opts); err == nil {
			t.Errorf("options %+v were taken", opts)
		}
	}
}

// TestGroupCommit holds the first sync back until all others wait, and counts.
func TestGroupCommit(t *testing.T) {
	t.Parallel()
	const waiting = 50
	var mu sync.Mutex
	syncs, hold, held := 0, make(chan struct{}), make(chan struct{})
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileSyncData && isSegment(op.Path) {
			mu.Lock()
			syncs++
			first := syncs == 1
			mu.Unlock()
			if first {
				close(held)
				<-hold
			}
		}
		return nil
	}))
	l := open(t, fs, "log", local.Options{})
	var group sync.WaitGroup
	add := func() {
		if _, err := l.Append(t.Context(), make([]byte, 100)); err != nil {
			t.Error(err)
		}
	}
	group.Go(add)
	<-held
	for range waiting {
		group.Go(add)
	}
	for local.Queued(l) < waiting {
		yield()
	}
	close(hold)
	group.Wait()
	mu.Lock()
	defer mu.Unlock()
	if syncs != 2 {
		t.Errorf("%d records took %d syncs, want one for the first and one for the rest", waiting+1, syncs)
	}
}

// TestPoison lets one sync or write fail: the record is refused, so are all
// after it, what was acknowledged stays, and opening again goes on.
func TestPoison(t *testing.T) {
	t.Parallel()
	for _, kind := range []errorfs.OpKind{errorfs.OpFileSyncData, errorfs.OpFileWriteAt} {
		var fail errorfs.Toggle
		fail.Injector = errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == kind && isSegment(op.Path) {
				fail.Off() // once only: a retry would seem to work
				return syscall.ENOSPC
			}
			return nil
		})
		mem := vfs.NewCrashableMem()
		l := open(t, errorfs.Wrap(mem, &fail), "log", local.Options{})
		appendAll(t, l, "a")
		fail.On()
		if _, err := l.Append(t.Context(), []byte("b")); !errors.Is(err, order.ErrFailed) || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("append while the disk fails: %v, want ErrFailed and its reason", err)
		}
		if _, err := l.Append(t.Context(), []byte("c")); !errors.Is(err, order.ErrFailed) {
			t.Fatalf("append after a failure: %v, want ErrFailed", err)
		}
		if got := readAll(t, l); fmt.Sprint(got) != "[a]" {
			t.Errorf("read %q after a failure, want what was acknowledged", got)
		}
		if _, err := l.Read(t.Context(), 1, 1); !errors.Is(err, order.ErrFailed) {
			t.Errorf("read past the end after a failure: %v, want ErrFailed", err)
		}
		closeLog(t, l)
		l = open(t, mem, "log", local.Options{})
		// What the failed write left is shown only once it is durable.
		got := readAll(t, l)
		crashed := open(t, mem.CrashClone(vfs.CrashCloneCfg{}), "log", local.Options{})
		if after := readAll(t, crashed); fmt.Sprint(after) != fmt.Sprint(got) || got[0] != "a" {
			t.Errorf("read %q, after a crash %q", got, after)
		}
	}
}
