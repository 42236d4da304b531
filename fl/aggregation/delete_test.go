package aggregation_test

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	blobfile "github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/aggregation"
	"github.com/librum/librum/fl/job"
)

// held is a store whose second Put, of the two that keep a model and the server's
// memory, waits until its run is stopped, and then until it is let go.
type held struct {
	aggregation.Store

	puts                 *atomic.Int32
	inside, stopped, end chan struct{}
}

func (h *held) Put(ctx context.Context, r io.Reader, limit int64) (ledger.Digest, int64, error) {
	switch h.puts.Add(1) {
	case 1:
		r = &firstRead{Reader: r, tell: func() { close(h.inside) }}
	case 2:
		<-ctx.Done()
		close(h.stopped)
		<-h.end
	}
	return h.Store.Put(ctx, r, limit)
}

// firstRead tells of the first read.
type firstRead struct {
	io.Reader

	once sync.Once
	tell func()
}

func (r *firstRead) Read(p []byte) (int, error) {
	r.once.Do(r.tell)
	return r.Reader.Read(p)
}

// TestDeleteWhileItRuns holds that a deletion stops the run before it closes the
// store, which waits for what is being written, and that nobody who looks at all
// aggregations waits with it.
func TestDeleteWhileItRuns(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	wait := func(what string, on <-chan struct{}) {
		t.Helper()
		select {
		case <-on:
		case <-ctx.Done():
			panic(what + " does not come") // a test that only fails would wait for the run too
		}
	}
	inside, stopped, end := make(chan struct{}), make(chan struct{}), make(chan struct{})
	puts := new(atomic.Int32)
	b := start(t, aggregation.Limits{})
	b.close()
	b.config.Files = func(ctx context.Context, dir string) (aggregation.Store, error) {
		s, err := blobfile.Open(ctx, vfs.Default, dir, blobfile.Options{})
		return &held{Store: s, puts: puts, inside: inside, stopped: stopped, end: end}, err
	}
	b.open()
	id := b.create("a", job.Strategy{Name: "fedadam"})
	global := announcement("g", file(t, 1), 0)
	global.Kind = aggregation.Global
	b.send(id, global, file(t, 1))
	b.send(id, announcement("u", file(t, 2), 1), file(t, 2))
	if _, err := b.Start(id); err != nil {
		t.Fatal(err)
	}
	ran, deleted, seen, made := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() { defer close(ran); b.Step(t.Context()) }()
	wait("the first write", inside)
	go func() {
		defer close(deleted)
		if err := b.Delete(id); err != nil {
			t.Error(err)
		}
	}()
	wait("the run's stop", stopped)
	go func() {
		defer close(seen)
		if stats := b.Stats(); stats.States[aggregation.Running] != 0 {
			t.Errorf("%+v", stats)
		}
		if _, err := b.Get(id); !errors.Is(err, aggregation.ErrNotFound) {
			t.Errorf("while it is being deleted: %v", err)
		}
	}()
	wait("a look at all", seen)
	go func() {
		defer close(made)
		spec := aggregation.Spec{Strategy: job.Strategy{Name: "median"}}
		if v, created, err := b.Create(ctx, alice, []byte("a"), spec); err != nil || !created || v.ID != id {
			t.Errorf("made again: %+v, %v, %v", v, created, err)
		}
	}()
	close(end)
	wait("the run's end", ran)
	wait("the deletion", deleted)
	wait("one with the same key", made)
	if v, err := b.Get(id); err != nil || v.Inputs != 0 || v.State != aggregation.Open {
		t.Errorf("%+v, %v", v, err)
	}
	if left, err := os.ReadDir(b.config.Dir); err != nil || len(left) != 1 {
		t.Errorf("%d entries are left, %v", len(left), err)
	}
}
