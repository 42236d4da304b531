package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
)

// Run checks a driver. open returns an empty store of its own; who opened it
// sees to closing it, by t.Cleanup.
func Run(t *testing.T, open func(t testing.TB) blob.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, blob.Store){
		"Put": testPut, "Limit": testLimit, "Digest": testDigest, "BrokenReader": testBrokenReader,
		"Delete": testDelete, "Concurrent": testConcurrent, "Upload": testUpload, "UploadBroken": testUploadBroken,
		"UploadRefused": testUploadRefused, "Cancelled": testCancelled, "ReadAt": testReadAt,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// Content returns size bytes that differ from place to place.
func Content(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(b) // never fails
	return b
}

// Check says where a store's content differs from want.
func Check(ctx context.Context, s blob.Store, want []byte) error {
	digest := ledger.Hash(want)
	size, ok, err := s.Has(ctx, digest)
	if err != nil || !ok || size != int64(len(want)) {
		return errors.Join(errors.New("content is not there, or has another size"), err)
	}
	b, err := s.Get(ctx, digest)
	if err != nil {
		return err
	}
	got, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err := errors.Join(err, b.Close()); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return errors.New("content differs")
	}
	return nil
}

func put(t *testing.T, s blob.Store, content []byte) ledger.Digest {
	t.Helper()
	digest, size, err := s.Put(t.Context(), bytes.NewReader(content), int64(len(content)))
	if err != nil || digest != ledger.Hash(content) || size != int64(len(content)) {
		t.Fatalf("put %d bytes: digest %s, size %d, %v", len(content), digest, size, err)
	}
	return digest
}

func testPut(t *testing.T, s blob.Store) {
	t.Helper()
	for _, size := range []int{0, 1, 100, 1 << 16, 1<<16 + 1, 1 << 18, 1<<20 + 17} {
		content := Content(size)
		for range 2 { // the second time it is there already
			put(t, s, content)
			if err := Check(t.Context(), s, content); err != nil {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
	}
	if _, err := s.Get(t.Context(), ledger.Digest{1}); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("get of what is not there: %v, want ErrNotFound", err)
	}
	if _, ok, err := s.Has(t.Context(), ledger.Digest{1}); ok || err != nil {
		t.Errorf("has of what is not there: %t, %v", ok, err)
	}
}

func absent(t *testing.T, s blob.Store, content []byte) {
	t.Helper()
	if _, ok, err := s.Has(t.Context(), ledger.Hash(content)); ok || err != nil {
		t.Errorf("content of %d bytes is there: %t, %v", len(content), ok, err)
	}
}

func testLimit(t *testing.T, s blob.Store) {
	t.Helper()
	for _, size := range []int{1, 1000, 1 << 18, 1<<18 + 1, 1 << 20} {
		content := Content(size)
		for _, limit := range []int64{int64(size) - 1, 0, -1} {
			if _, _, err := s.Put(t.Context(), bytes.NewReader(content), limit); !errors.Is(err, blob.ErrTooLarge) {
				t.Errorf("put %d bytes, at most %d: %v, want ErrTooLarge", size, limit, err)
			}
		}
		absent(t, s, content)
		put(t, s, content)
	}
}

func testDigest(t *testing.T, s blob.Store) {
	t.Helper()
	good, bad := Content(1000), Content(999)
	if _, err := s.PutDigest(t.Context(), ledger.Hash(good), bytes.NewReader(bad), 1000); !errors.Is(err, blob.ErrDigest) {
		t.Errorf("put of other content: %v, want ErrDigest", err)
	}
	absent(t, s, good)
	absent(t, s, bad)
	if size, err := s.PutDigest(t.Context(), ledger.Hash(good), bytes.NewReader(good), 1000); err != nil || size != 1000 {
		t.Errorf("put: size %d, %v", size, err)
	}
	if err := Check(t.Context(), s, good); err != nil {
		t.Error(err)
	}
}

func testBrokenReader(t *testing.T, s blob.Store) {
	t.Helper()
	content := Content(5000)
	broken := io.MultiReader(bytes.NewReader(content), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, _, err := s.Put(t.Context(), broken, 1<<20); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("put from a reader that breaks: %v", err)
	}
	absent(t, s, content)
	if _, _, err := s.Put(t.Context(), iotest.OneByteReader(bytes.NewReader(content)), 5000); err != nil {
		t.Errorf("put byte by byte: %v", err)
	}
	if err := Check(t.Context(), s, content); err != nil {
		t.Error(err)
	}
}

func testDelete(t *testing.T, s blob.Store) {
	t.Helper()
	content := Content(70_000)
	digest := put(t, s, content)
	opened, err := s.Get(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	absent(t, s, content)
	if got, err := io.ReadAll(io.NewSectionReader(opened, 0, opened.Size())); err != nil || !bytes.Equal(got, content) {
		t.Errorf("what was open before reads %d bytes, %v", len(got), err)
	}
	if err := opened.Close(); err != nil {
		t.Error(err)
	}
	if _, err := opened.ReadAt(make([]byte, 1), 0); !errors.Is(err, blob.ErrClosed) {
		t.Errorf("read of a closed blob: %v, want ErrClosed", err)
	}
	if err := s.Delete(t.Context(), digest); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("second delete: %v, want ErrNotFound", err)
	}
	put(t, s, content)
}

func testConcurrent(t *testing.T, s blob.Store) {
	t.Helper()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			content := Content(100_000 + i/2) // two of each
			if _, _, err := s.Put(t.Context(), bytes.NewReader(content), 1<<20); err != nil {
				t.Error(err)
			}
			if err := Check(t.Context(), s, content); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func testUpload(t *testing.T, s blob.Store) {
	t.Helper()
	ctx, id, content := t.Context(), ledger.ID{7}, Content(300_000)
	if _, err := s.Partial(ctx, id); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("before the first part: %v, want ErrNotFound", err)
	}
	for at := 0; at < len(content); {
		end := min(at+70_001, len(content))
		size, err := s.Append(ctx, id, int64(at), bytes.NewReader(content[at:end]), int64(len(content)))
		if err != nil || size != int64(end) {
			t.Fatalf("append at %d: length %d, %v; want %d", at, size, err, end)
		}
		at = end
		if size, err := s.Partial(ctx, id); err != nil || size != int64(at) {
			t.Fatalf("length %d, %v; want %d", size, err, at)
		}
	}
	absent(t, s, content)
	if size, err := s.Finish(ctx, id, ledger.Hash(content)); err != nil || size != int64(len(content)) {
		t.Fatalf("finish: size %d, %v", size, err)
	}
	if err := Check(ctx, s, content); err != nil {
		t.Error(err)
	}
	if _, err := s.Partial(ctx, id); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("after finishing: %v, want ErrNotFound", err)
	}
}

// testUploadBroken breaks the connection amid a part and goes on from what was
// kept.
func testUploadBroken(t *testing.T, s blob.Store) {
	t.Helper()
	ctx, id, content := t.Context(), ledger.ID{8}, Content(200_000)
	broken := io.MultiReader(bytes.NewReader(content[:123_456]), iotest.ErrReader(io.ErrUnexpectedEOF))
	size, err := s.Append(ctx, id, 0, broken, 200_000)
	if !errors.Is(err, io.ErrUnexpectedEOF) || size != 123_456 {
		t.Fatalf("append from a reader that breaks: length %d, %v", size, err)
	}
	if _, err := s.Append(ctx, id, size, bytes.NewReader(content[size:]), 200_000); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Finish(ctx, id, ledger.Hash(content)); err != nil {
		t.Fatal(err)
	}
	if err := Check(ctx, s, content); err != nil {
		t.Error(err)
	}
}

func testUploadRefused(t *testing.T, s blob.Store) {
	t.Helper()
	ctx, id, content := t.Context(), ledger.ID{9}, Content(1000)
	part := func(offset int64, limit int64) (int64, error) {
		return s.Append(ctx, id, offset, bytes.NewReader(content), limit)
	}
	if _, err := part(5, 1<<20); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("first part at byte 5: %v, want ErrNotFound", err)
	}
	if _, err := part(0, 1<<20); err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{0, 999, 1001, -1} {
		var wrong *blob.OffsetError
		if _, err := part(offset, 1<<20); !errors.As(err, &wrong) || wrong.Have != 1000 {
			t.Errorf("part at byte %d: %v, want OffsetError", offset, err)
		}
	}
	if size, err := part(1000, 1999); !errors.Is(err, blob.ErrTooLarge) || size > 1999 {
		t.Errorf("part past the limit: length %d, %v, want ErrTooLarge", size, err)
	}
	if _, err := s.Finish(ctx, id, ledger.Digest{1}); !errors.Is(err, blob.ErrDigest) {
		t.Errorf("finish with another digest: %v, want ErrDigest", err)
	}
	absent(t, s, content)
	for name, err := range map[string]error{"finish": second(s.Finish(ctx, id, ledger.Hash(content))), "discard": s.Discard(ctx, id)} {
		if !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%s of a dropped upload: %v, want ErrNotFound", name, err)
		}
	}
	if _, err := part(0, 1<<20); err != nil {
		t.Errorf("beginning anew: %v", err)
	}
	if err := s.Discard(ctx, id); err != nil {
		t.Errorf("discard: %v", err)
	}
	if size, err := s.Partial(ctx, id); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("after discarding: length %d, %v, want ErrNotFound", size, err)
	}
}

func second(_ int64, err error) error { return err }

func testCancelled(t *testing.T, s blob.Store) {
	t.Helper()
	content := Content(10)
	digest := put(t, s, content)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, putErr := s.Put(ctx, bytes.NewReader(content), 10)
	_, getErr := s.Get(ctx, digest)
	for name, err := range map[string]error{"put": putErr, "get": getErr, "delete": s.Delete(ctx, digest)} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
}

// testReadAt compares ReadAt with that of bytes.Reader, its naive twin.
func testReadAt(t *testing.T, s blob.Store) {
	t.Helper()
	content := Content(3*64<<10 + 777)
	b, err := s.Get(t.Context(), put(t, s, content))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	twin := bytes.NewReader(content)
	rapid.Check(t, func(rt *rapid.T) {
		near := rapid.SampledFrom([]int{0, 64 << 10, 128 << 10, 192 << 10, len(content)})
		off := int64(max(0, near.Draw(rt, "near")+rapid.IntRange(-3, 3).Draw(rt, "by")))
		size := max(0, near.Draw(rt, "size near")+rapid.IntRange(-3, 3).Draw(rt, "size by"))
		got, want := make([]byte, size), make([]byte, size)
		n, err := b.ReadAt(got, off)
		m, twinErr := twin.ReadAt(want, off)
		if n != m || !bytes.Equal(got[:n], want[:m]) || (size > 0 && errors.Is(err, io.EOF) != errors.Is(twinErr, io.EOF)) || (err != nil && !errors.Is(err, io.EOF)) {
			rt.Fatalf("read of %d bytes at %d: %d, %v; want %d, %v", size, off, n, err, m, twinErr)
		}
	})
	if _, err := b.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("a read before the start was taken")
	}
}
