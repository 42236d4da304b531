package file_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/blob/blobtest"
	"github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, fs vfs.FS, dir string, opts file.Options) *file.Store {
	t.Helper()
	s, err := file.Open(context.Background(), fs, dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t testing.TB, s *file.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func put(t testing.TB, s blob.Store, content []byte) ledger.Digest {
	t.Helper()
	digest, _, err := s.Put(t.Context(), bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]file.Options{"default": {}, "no sums kept": {SumBytes: 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			blobtest.Run(t, func(t testing.TB) blob.Store {
				t.Helper()
				return open(t, vfs.Default, t.TempDir(), opts)
			})
		})
	}
}

// TestDamage changes a byte of the file: while it is open, and between opening.
func TestDamage(t *testing.T) {
	t.Parallel()
	dir, content := t.TempDir(), blobtest.Content(200_000)
	for _, at := range []int64{0, 65_535, 65_536, 131_072, 199_999} {
		s := open(t, vfs.Default, dir, file.Options{})
		digest := put(t, s, content)
		path := filepath.Join(dir, digest.String()[:2], digest.String())
		b, err := s.Get(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		flip(t, path, at)
		got := make([]byte, 10)
		if n, err := b.ReadAt(got, max(0, at-9)); !errors.Is(err, blob.ErrCorrupt) {
			t.Errorf("byte %d changed while open: read %d bytes, %v; want ErrCorrupt", at, n, err)
		}
		elsewhere := (at + 100_000) % 200_000
		if n, err := b.ReadAt(got[:1], elsewhere); err != nil || n != 1 || got[0] != content[elsewhere] {
			t.Errorf("a read elsewhere: %d bytes, %v", n, err)
		}
		var corrupt *blob.CorruptError
		if _, err := s.Get(t.Context(), digest); !errors.As(err, &corrupt) || corrupt.Digest != digest {
			t.Errorf("byte %d changed: get: %v, want CorruptError", at, err)
		}
		if err := errors.Join(b.Close(), s.Close()); err != nil {
			t.Error(err)
		}
		s = open(t, vfs.Default, dir, file.Options{})
		if _, err := s.Get(t.Context(), digest); !errors.Is(err, blob.ErrCorrupt) {
			t.Errorf("byte %d changed, opened again: get: %v, want ErrCorrupt", at, err)
		}
		put(t, s, content) // heals it
		if err := blobtest.Check(t.Context(), s, content); err != nil {
			t.Errorf("put again: %v", err)
		}
		if err := os.Truncate(path, at); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(t.Context(), digest); !errors.Is(err, blob.ErrCorrupt) {
			t.Errorf("cut at byte %d: get: %v, want ErrCorrupt", at, err)
		}
		closeStore(t, s)
	}
}

func flip(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	_, err = f.WriteAt(b, at)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestLocked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, vfs.Default, dir, file.Options{})
	for _, readOnly := range []bool{false, true} {
		if _, err := file.Open(t.Context(), vfs.Default, dir, file.Options{ReadOnly: readOnly}); !errors.Is(err, blob.ErrLocked) {
			t.Errorf("second open: %v, want ErrLocked", err)
		}
	}
	content := blobtest.Content(10)
	put(t, s, content)
	closeStore(t, s)
	if _, err := s.Get(t.Context(), ledger.Hash(content)); !errors.Is(err, blob.ErrClosed) {
		t.Errorf("get after close: %v, want ErrClosed", err)
	}
	s = open(t, vfs.Default, dir, file.Options{ReadOnly: true})
	if err := blobtest.Check(t.Context(), s, content); err != nil {
		t.Error(err)
	}
	if _, _, err := s.Put(t.Context(), strings.NewReader("x"), 1); !errors.Is(err, os.ErrPermission) {
		t.Errorf("put into a store open for reading: %v", err)
	}
}

// TestDiskFull lets each kind of write fail once: the caller is told, nothing
// is left behind, and the next try works.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	for _, kind := range []errorfs.OpKind{errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpRename} {
		var fail errorfs.Toggle
		fail.Injector = errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == kind {
				fail.Off()
				return syscall.ENOSPC
			}
			return nil
		})
		mem := vfs.NewMem()
		s := open(t, errorfs.Wrap(mem, &fail), "blobs", file.Options{})
		content := blobtest.Content(1000)
		fail.On()
		if _, _, err := s.Put(t.Context(), bytes.NewReader(content), 1000); !errors.Is(err, blob.ErrFull) {
			t.Errorf("operation %d: %v, want ErrFull", kind, err)
		}
		if names, err := mem.List("blobs/temporary"); err != nil || len(names) > 0 {
			t.Errorf("operation %d leaves %v, %v", kind, names, err)
		}
		put(t, s, content)
		if err := blobtest.Check(t.Context(), s, content); err != nil {
			t.Error(err)
		}
	}
}

// TestUploadDiskFull drops the upload where its file is not known any more.
func TestUploadDiskFull(t *testing.T) {
	t.Parallel()
	var fail errorfs.Toggle
	fail.Injector = errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileSync {
			fail.Off()
			return syscall.ENOSPC
		}
		return nil
	})
	s := open(t, errorfs.Wrap(vfs.NewMem(), &fail), "blobs", file.Options{})
	id, content := ledger.ID{1}, blobtest.Content(1000)
	if _, err := s.Append(t.Context(), id, 0, bytes.NewReader(content[:400]), 1000); err != nil {
		t.Fatal(err)
	}
	fail.On()
	if size, err := s.Append(t.Context(), id, 400, bytes.NewReader(content[400:]), 1000); !errors.Is(err, blob.ErrFull) || size != 0 {
		t.Errorf("append: length %d, %v, want ErrFull", size, err)
	}
	if _, err := s.Append(t.Context(), id, 0, bytes.NewReader(content), 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Finish(t.Context(), id, ledger.Hash(content)); err != nil {
		t.Fatal(err)
	}
}

// TestCrash takes the power away at each operation of the file system: content
// that was acknowledged is there, and none is there in part.
func TestCrash(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	contents := [][]byte{blobtest.Content(10_000), blobtest.Content(70_000), {}}
	id, upload := ledger.ID{5}, blobtest.Content(30_000)
	for at, ended := 0, false; !ended; at++ {
		mem := vfs.NewCrashableMem()
		var clone *vfs.MemFS
		var acknowledged [][]byte
		count, uploaded, atCrash, uploadedAtCrash := 0, int64(0), 0, int64(0)
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(errorfs.Op) error {
			if count++; count == at+1 {
				clone = mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
				atCrash, uploadedAtCrash = len(acknowledged), uploaded
			}
			return nil
		}))
		s := open(t, fs, "dir/blobs", file.Options{})
		for i, c := range contents {
			put(t, s, c)
			acknowledged = append(acknowledged, c)
			part := upload[10_000*i : 10_000*(i+1)]
			size, err := s.Append(t.Context(), id, int64(10_000*i), bytes.NewReader(part), 30_000)
			if err != nil {
				t.Fatal(err)
			}
			uploaded = size
		}
		closeStore(t, s)
		if ended = clone == nil; ended {
			return
		}
		after := open(t, clone, "dir/blobs", file.Options{})
		for i, c := range contents {
			err := blobtest.Check(t.Context(), after, c)
			_, there, hasErr := after.Has(t.Context(), ledger.Hash(c))
			if hasErr != nil || err != nil && (there || i < atCrash) {
				t.Errorf("crash at operation %d: content %d, acknowledged %t: %v", at, i, i < atCrash, err)
			}
		}
		size, err := after.Partial(t.Context(), id)
		if uploadedAtCrash > 0 && (err != nil || size < uploadedAtCrash) {
			t.Errorf("crash at operation %d: upload has %d bytes, %v; %d were acknowledged", at, size, err, uploadedAtCrash)
		}
		if names, err := clone.List("dir/blobs/temporary"); err != nil || len(names) > 0 {
			t.Errorf("crash at operation %d leaves %v, %v", at, names, err)
		}
		closeStore(t, after)
	}
}

// TestUploadSurvivesRestart goes on with an upload in another life.
func TestUploadSurvivesRestart(t *testing.T) {
	t.Parallel()
	dir, id, content := t.TempDir(), ledger.ID{3}, blobtest.Content(1000)
	s := open(t, vfs.Default, dir, file.Options{})
	if _, err := s.Append(t.Context(), id, 0, bytes.NewReader(content[:600]), 1000); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	s = open(t, vfs.Default, dir, file.Options{})
	if size, err := s.Partial(t.Context(), id); err != nil || size != 600 {
		t.Fatalf("length %d, %v; want 600", size, err)
	}
	if _, err := s.Append(t.Context(), id, 600, bytes.NewReader(content[600:]), 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Finish(t.Context(), id, ledger.Hash(content)); err != nil {
		t.Fatal(err)
	}
	if err := blobtest.Check(t.Context(), s, content); err != nil {
		t.Error(err)
	}
}

func TestUploadsAreBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, vfs.Default, dir, file.Options{MaxPartials: 2})
	part := func(id byte) error {
		_, err := s.Append(t.Context(), ledger.ID{id}, 0, strings.NewReader("x"), 1)
		return err
	}
	if err := errors.Join(part(1), part(2)); err != nil {
		t.Fatal(err)
	}
	if err := part(3); !errors.Is(err, blob.ErrTooMany) {
		t.Errorf("third upload: %v, want ErrTooMany", err)
	}
	closeStore(t, s)
	old := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "partial", ledger.ID{1}.String()), old, old); err != nil {
		t.Fatal(err)
	}
	s = open(t, vfs.Default, dir, file.Options{MaxPartials: 2})
	if _, err := s.Partial(t.Context(), ledger.ID{1}); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("upload untouched for 25 h: %v, want ErrNotFound", err)
	}
	if err := part(3); err != nil {
		t.Error(err)
	}
}

// TestBusy holds a part back and tries another.
func TestBusy(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.Default, t.TempDir(), file.Options{})
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := s.Append(context.Background(), ledger.ID{1}, 0, r, 100)
		done <- err
	}()
	if _, err := w.Write([]byte("x")); err != nil { // returns once Append reads
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), ledger.ID{1}, 0, strings.NewReader("y"), 100); !errors.Is(err, blob.ErrBusy) {
		t.Errorf("another part: %v, want ErrBusy", err)
	}
	if err := errors.Join(w.Close(), <-done); err != nil {
		t.Error(err)
	}
}

func Example() {
	ctx := context.Background()
	s, err := file.Open(ctx, vfs.NewMem(), "blobs", file.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	digest, size, err := s.Put(ctx, strings.NewReader("a model"), 1<<20)
	fmt.Println(digest.Short(), size, err)
	b, err := s.Get(ctx, digest)
	if err != nil {
		fmt.Println(err)
		return
	}
	part := make([]byte, 5)
	_, err = b.ReadAt(part, 2)
	fmt.Printf("%s %v\n", part, err)
	fmt.Println(b.Close(), s.Close())
	// Output:
	// 97ff8a35 7 <nil>
	// model <nil>
	// <nil> <nil>
}

// BenchmarkBlob measures what checking costs beside reading the file itself.
func BenchmarkBlob(b *testing.B) {
	content := blobtest.Content(40 << 20)
	dir := b.TempDir()
	s := open(b, vfs.Default, dir, file.Options{})
	digest := put(b, s, content)
	path := filepath.Join(dir, digest.String()[:2], digest.String())
	tile := make([]byte, 256<<10)
	readAll := func(b *testing.B, r io.ReaderAt, from int) {
		b.Helper()
		for at := from; at < len(content); at += len(tile) {
			if _, err := r.ReadAt(tile[:min(len(tile), len(content)-at)], int64(at)); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("put", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			put(b, s, content)
		}
	})
	b.Run("plain read", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			readAll(b, f, 0)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	})
	for name, from := range map[string]int{"aligned": 0, "unaligned": 1000} {
		b.Run("checked read "+name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			r, err := s.Get(b.Context(), digest)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				readAll(b, r, from)
			}
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
	b.Run("first get", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		cold := open(b, vfs.Default, b.TempDir(), file.Options{SumBytes: 1})
		put(b, cold, content)
		for b.Loop() {
			r, err := cold.Get(b.Context(), digest)
			if err != nil {
				b.Fatal(err)
			}
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
