package coordinator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/coordinator"
)

// fakeMesh has one other node, which opens files as it likes.
type fakeMesh struct {
	coordinator.Link
	others []ledger.ID
	open   func(ctx context.Context, of ledger.ID) (io.ReadCloser, error)
}

func (m *fakeMesh) Join(*coordinator.Service) coordinator.Link { return m }

func (m *fakeMesh) Others() []ledger.ID { return m.others }

func (m *fakeMesh) Open(ctx context.Context, of ledger.ID, _ ledger.Digest, _ uint64) (io.ReadCloser, error) {
	return m.open(ctx, of)
}

// fetching returns a service that fetches over a mesh.
func fetching(t *testing.T, mesh *fakeMesh) *coordinator.Service {
	t.Helper()
	f, err := newFleet(t.Context(), 1, 1, 0, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	name := contracttest.Node(0)
	return coordinator.New(coordinator.Config{
		Self: contracttest.ID(name), Key: identity.KeyFromSeed(sha256.Sum256([]byte("key " + name))), Genesis: &f.genesis, Chain: f.ledger.Chain,
		Ledger: seat{f.chain, contracttest.ID(name)}, Blobs: f.blobs[0], Mesh: mesh, Now: f.now, Logger: slog.New(slog.DiscardHandler),
	})
}

// TestFileComesOnce has many peers ask for one model at once.
func TestFileComesOnce(t *testing.T) {
	t.Parallel()
	model := content(1)
	var opened atomic.Int64
	began, release := make(chan struct{}), make(chan struct{})
	s := fetching(t, &fakeMesh{others: []ledger.ID{{1}}, open: func(context.Context, ledger.ID) (io.ReadCloser, error) {
		opened.Add(1)
		close(began)
		<-release
		return io.NopCloser(bytes.NewReader(model)), nil
	}})
	var all sync.WaitGroup
	ensure := func() {
		if err := s.Ensure(t.Context(), ledger.Hash(model), uint64(len(model))); err != nil {
			t.Error(err)
		}
	}
	all.Go(ensure)
	<-began
	for range 50 {
		all.Go(ensure)
	}
	close(release)
	all.Wait()
	if n := opened.Load(); n != 1 {
		t.Errorf("the file was fetched %d times", n)
	}
}

// TestFetchIsGivenUp has whoever fetches a file leave: who waits fetches it.
func TestFetchIsGivenUp(t *testing.T) {
	t.Parallel()
	model := content(1)
	var opened atomic.Int64
	began := make(chan struct{})
	s := fetching(t, &fakeMesh{others: []ledger.ID{{1}}, open: func(ctx context.Context, _ ledger.ID) (io.ReadCloser, error) {
		if opened.Add(1) == 1 {
			close(began)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return io.NopCloser(bytes.NewReader(model)), nil
	}})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { first <- s.Ensure(ctx, ledger.Hash(model), uint64(len(model))) }()
	<-began
	second := make(chan error, 1)
	go func() { second <- s.Ensure(t.Context(), ledger.Hash(model), uint64(len(model))) }()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("who left: %v, want %v", err, context.Canceled)
	}
	if err := <-second; err != nil {
		t.Errorf("who waited: %v", err)
	}
}

// TestLyingNodeIsPassedOver: another file than was asked for, a longer one and a
// broken one are not kept; the next node is asked.
func TestLyingNodeIsPassedOver(t *testing.T) {
	t.Parallel()
	model, other := content(1), content(2)
	sent := map[ledger.ID]io.Reader{
		{1}: bytes.NewReader(other),
		{2}: io.MultiReader(bytes.NewReader(model), bytes.NewReader([]byte{0})),
		{3}: bytes.NewReader(model[:100]),
		{4}: bytes.NewReader(model),
	}
	s := fetching(t, &fakeMesh{others: []ledger.ID{{1}, {2}, {3}, {4}}, open: func(_ context.Context, of ledger.ID) (io.ReadCloser, error) {
		return io.NopCloser(sent[of]), nil
	}})
	if err := s.Ensure(t.Context(), ledger.Hash(model), uint64(len(model))); err != nil {
		t.Fatal(err)
	}
	if err := s.Ensure(t.Context(), ledger.Hash(other), uint64(len(other))); !errors.Is(err, coordinator.ErrUnavailable) {
		t.Errorf("what only the liar sent: %v, want %v", err, coordinator.ErrUnavailable)
	}
	if err := s.Ensure(t.Context(), ledger.Digest{1}, 1<<41); !errors.Is(err, blob.ErrTooLarge) {
		t.Errorf("a file without end: %v, want %v", err, blob.ErrTooLarge)
	}
}
