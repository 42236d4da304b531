package file_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/ledger"
)

// Senders that dribble keep neither others from writing nor the store from
// closing.
func TestSlowUploadsBlockNobody(t *testing.T) {
	t.Parallel()
	const senders = 4
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	fs := vfs.NewMem()
	s := open(t, fs, "blobs", file.Options{MaxWriters: 1})
	ends := make([]*io.PipeWriter, senders)
	appended := make(chan error, senders)
	for i := range ends {
		r, w := io.Pipe()
		ends[i] = w
		context.AfterFunc(ctx, func() { _ = w.CloseWithError(ctx.Err()) }) // so that a failure is no hang
		go func() {
			_, err := s.Append(ctx, ledger.ID{byte(i)}, 0, r, 1<<20)
			appended <- err
		}()
		if _, err := w.Write([]byte("a")); err != nil { // it is read: the sender is waited for
			t.Fatal(err)
		}
	}
	if _, _, err := s.Put(ctx, bytes.NewReader([]byte("content")), 10); err != nil {
		t.Fatalf("put beside slow uploads: %v", err)
	}
	if err := ends[0].Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-appended; err != nil {
		t.Errorf("the upload that came to its end: %v", err)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-ctx.Done():
		t.Error("the store does not close while a sender dribbles")
	}
	for _, w := range ends[1:] {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-appended; !errors.Is(err, blob.ErrClosed) {
			t.Errorf("upload into a closed store: %v, want %v", err, blob.ErrClosed)
		}
	}
	again := open(t, fs, "blobs", file.Options{})
	if n, err := again.Partial(ctx, ledger.ID{0}); n != 1 || err != nil {
		t.Errorf("after a restart the upload has %d bytes, error %v, want 1", n, err)
	}
}
