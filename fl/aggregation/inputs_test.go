package aggregation_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	blobfile "github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/aggregation"
	"github.com/librum/librum/fl/job"
)

// TestAnnouncerGoes holds that what a client that goes meanwhile has announced is
// there both before and after a restart.
func TestAnnouncerGoes(t *testing.T) {
	t.Parallel()
	b := start(t, aggregation.Limits{})
	id, content := b.create("a", job.Strategy{Name: "fedavg"}), file(t, 2)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	first, second := announcement("g1", content, 0), announcement("g2", file(t, 3), 0)
	first.Kind, second.Kind = aggregation.Global, aggregation.Global
	if _, err := b.Announce(gone, id, first); !errors.Is(err, context.Canceled) {
		t.Errorf("answer to a client that has gone: %v", err)
	}
	for range 2 {
		if v, err := b.Get(id); err != nil || v.Inputs != 1 || v.Bytes != first.Size {
			t.Errorf("%+v, %v", v, err)
		}
		if _, err := b.Announce(t.Context(), id, second); !errors.Is(err, aggregation.ErrState) {
			t.Errorf("a second global model: %v", err)
		}
		b.close()
		b.open()
	}
}

// lookless is a store that cannot tell what it has.
type lookless struct{ aggregation.Store }

var errLook = errors.New("the disk does not answer")

func (lookless) Has(context.Context, ledger.Digest) (int64, bool, error) { return 0, false, errLook }

// TestAnnounceFails holds that an announcement which fails leaves nothing.
func TestAnnounceFails(t *testing.T) {
	t.Parallel()
	b := start(t, aggregation.Limits{})
	open := b.config.Files
	b.close()
	b.config.Files = func(ctx context.Context, dir string) (aggregation.Store, error) {
		s, err := blobfile.Open(ctx, vfs.Default, dir, blobfile.Options{})
		return lookless{s}, err
	}
	b.open()
	id := b.create("a", job.Strategy{Name: "fedavg"})
	if _, err := b.Announce(t.Context(), id, announcement("u", file(t, 1), 1)); !errors.Is(err, errLook) {
		t.Errorf("announce: %v", err)
	}
	for range 2 {
		if v, err := b.Get(id); err != nil || v.Inputs != 0 || v.Bytes != 0 {
			t.Errorf("%+v, %v", v, err)
		}
		b.close()
		b.config.Files = open
		b.open()
	}
}

// watched is a store that tells when a part has come to its end.
type watched struct {
	aggregation.Store

	after func(ctx context.Context)
}

func (w *watched) Append(ctx context.Context, id ledger.ID, offset int64, r io.Reader, limit int64) (int64, error) {
	n, err := w.Store.Append(ctx, id, offset, r, limit)
	w.after(ctx)
	return n, err
}

// TestLookAtTheEnd holds that the sender of the last part hears that the input is
// complete also where another's look has completed it first.
func TestLookAtTheEnd(t *testing.T) {
	t.Parallel()
	var id ledger.Digest
	b := start(t, aggregation.Limits{})
	b.close()
	b.config.Files = func(ctx context.Context, dir string) (aggregation.Store, error) {
		s, err := blobfile.Open(ctx, vfs.Default, dir, blobfile.Options{})
		return &watched{Store: s, after: func(ctx context.Context) {
			if p, err := b.Input(ctx, id, "u"); err != nil || !p.Complete {
				t.Errorf("the look: %+v, %v", p, err)
			}
		}}, err
	}
	b.open()
	id = b.create("a", job.Strategy{Name: "fedavg"})
	content := file(t, 2)
	if _, err := b.Announce(t.Context(), id, announcement("u", content, 1)); err != nil {
		t.Fatal(err)
	}
	p, err := b.Append(t.Context(), id, "u", 0, bytes.NewReader(content))
	if err != nil || !p.Complete || p.Offset != p.Size {
		t.Errorf("the last part: %+v, %v", p, err)
	}
}

// TestAnnouncedSize holds fl/aggregation(4) against announcements of content that is
// there, or comes under another name, with a size that is not its own: bounds count
// what was announced, so that it must be what lies on the disk.
func TestAnnouncedSize(t *testing.T) {
	t.Parallel()
	b := start(t, aggregation.Limits{})
	id, content := b.create("a", job.Strategy{Name: "fedavg"}), file(t, 2)
	small, right, late := announcement("u0", content, 1), announcement("u1", content, 1), announcement("u2", content, 1)
	small.Size, late.Size = 1, 1
	if _, err := b.Announce(t.Context(), id, small); err != nil { // nobody can tell yet
		t.Fatal(err)
	}
	b.send(id, right, content)
	if _, err := b.Announce(t.Context(), id, late); !isField(err, "size") {
		t.Errorf("content that is there, announced with 1 byte: %v", err)
	}
	right.Size++
	if _, err := b.Announce(t.Context(), id, right); !isField(err, "size") {
		t.Errorf("the same input with a byte more: %v", err)
	}
	right.Size--
	for range 2 {
		if p, err := b.Input(t.Context(), id, "u0"); err != nil || p.Complete {
			t.Errorf("content that came under another name, announced with 1 byte: %+v, %v", p, err)
		}
		v, err := b.Get(id)
		if err != nil || v.Inputs != 2 || v.Complete != 1 || v.Bytes != 1+right.Size {
			t.Errorf("%+v, %v", v, err)
		}
		b.close()
		b.open()
	}
	// Once nobody has announced it with its own size any more, it goes.
	other := announcement("u1", file(t, 3), 1)
	if _, err := b.Announce(t.Context(), id, other); err != nil {
		t.Fatal(err)
	}
	small.Size = int64(len(content))
	if p, err := b.Announce(t.Context(), id, small); err != nil || p.Complete {
		t.Errorf("content that was replaced: %+v, %v", p, err)
	}
}

func isField(err error, field string) bool {
	wrong, ok := errors.AsType[*aggregation.FieldError](err)
	return ok && wrong.Field == field
}
