package coordinator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/transport"
	"github.com/librum/librum/chain/transport/transporttest"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fl/coordinator/grpcmesh"
	"github.com/librum/librum/fl/job"
)

// wired connects the coordinators of a fleet over gRPC on loopback.
func wired(t *testing.T, nodes, organisations, peers int, wrap func(net.Listener) net.Listener) *fleet {
	t.Helper()
	f, err := newFleet(t.Context(), nodes, organisations, peers, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	group, ctx := errgroup.WithContext(ctx)
	t.Cleanup(func() {
		cancel()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
	var book transporttest.Book
	var offices []*transporttest.Office
	var anchors []*x509.Certificate
	for i := range nodes {
		member, _ := f.ledger.Group.Find(contracttest.ID(contracttest.Node(i)))
		o := transporttest.NewOffice(t, f.ledger.Chain, member.Organisation, member.Organisation.String(), time.Now())
		offices, anchors = append(offices, o), append(anchors, o.Authority.Certificate)
	}
	var transports []*transport.Transport
	f.meshes = nil
	for i := range nodes {
		name := contracttest.Node(i)
		self, key := contracttest.ID(name), identity.KeyFromSeed(sha256.Sum256([]byte("key "+name)))
		shown := []*tls.Certificate{offices[i].Node(self, key)}
		tr := transport.New(transport.Config{
			Self: self, Chain: f.ledger.Chain, Certificates: func() []*tls.Certificate { return shown }, Anchors: anchors,
			Addresses: &book, Now: time.Now, Logger: logger, MaxBackoff: 20 * time.Millisecond,
		})
		mesh := grpcmesh.New(tr, logger)
		f.meshes, transports = append(f.meshes, mesh), append(transports, tr)
		listener := transporttest.Listen(t)
		book.Set(self, listener.Addr().String())
		if wrap != nil {
			listener = wrap(listener)
		}
		group.Go(func() error { return tr.Run(ctx, listener, seat{f.chain, self}, mesh) })
		group.Go(func() error { return mesh.Run(ctx) })
	}
	f.restart()
	for _, tr := range transports {
		eventually(t, "all to run", func() bool { return nodes == 1 || len(tr.Others()) == nodes-1 })
	}
	return f
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	timeout := time.NewTimer(60 * time.Second)
	defer timeout.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-timeout.C:
			t.Fatal("waited in vain: " + what)
		}
	}
}

// content is larger than a few parts of a download.
func content(seed byte) []byte { return bytes.Repeat([]byte{seed, 1, 2, 3, 4, 5, 6}, 50_000) }

func TestEnsureOverGRPC(t *testing.T) {
	t.Parallel()
	f := wired(t, 3, 3, 0, nil)
	file := content(1)
	digest, size := ledger.Hash(file), uint64(len(file))
	if err := f.services[0].Ensure(t.Context(), digest, size); !errors.Is(err, coordinator.ErrUnavailable) || !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("a file that nobody has: %v, want %v", err, blob.ErrNotFound)
	}
	if _, _, err := f.blobs[2].Put(t.Context(), bytes.NewReader(file), int64(size)); err != nil {
		t.Fatal(err)
	}
	if err := f.services[0].Ensure(t.Context(), digest, size+1); !errors.Is(err, blob.ErrDigest) {
		t.Errorf("a file of another size: %v, want %v", err, blob.ErrDigest)
	}
	if err := f.services[0].Ensure(t.Context(), digest, size); err != nil {
		t.Fatal(err)
	}
	got, err := f.blobs[0].Get(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(io.NewSectionReader(got, 0, got.Size()))
	if err := errors.Join(err, got.Close()); err != nil || !bytes.Equal(b, file) {
		t.Errorf("read %d bytes, error %v", len(b), err)
	}
	empty := ledger.Hash(nil)
	if _, _, err := f.blobs[2].Put(t.Context(), bytes.NewReader(nil), 1); err != nil {
		t.Fatal(err)
	}
	if err := f.services[0].Ensure(t.Context(), empty, 0); err != nil {
		t.Errorf("an empty file: %v", err)
	}
}

// breaking is a listener whose first connections break after some bytes.
type breaking struct {
	net.Listener
	left *atomic.Int64 // connections that break
}

func (b breaking) Accept() (net.Conn, error) {
	c, err := b.Listener.Accept()
	if err == nil && b.left.Add(-1) >= 0 {
		c = &brittle{Conn: c}
	}
	return c, err
}

// brittle is a connection that breaks once it has written 150,000 bytes.
type brittle struct {
	net.Conn
	written atomic.Int64
}

func (b *brittle) Write(p []byte) (int, error) {
	if b.written.Add(int64(len(p))) > 150_000 {
		return 0, errors.Join(net.ErrClosed, b.Close())
	}
	return b.Conn.Write(p)
}

// TestBrokenDownload has the connection break twice in one file.
func TestBrokenDownload(t *testing.T) {
	t.Parallel()
	var left atomic.Int64
	f := wired(t, 2, 2, 0, func(l net.Listener) net.Listener { return breaking{l, &left} })
	left.Store(2)
	file := content(2)
	if _, _, err := f.blobs[1].Put(t.Context(), bytes.NewReader(file), int64(len(file))); err != nil {
		t.Fatal(err)
	}
	if err := f.services[0].Ensure(t.Context(), ledger.Hash(file), uint64(len(file))); err != nil {
		t.Fatal(err)
	}
	if left.Load() >= 0 {
		t.Errorf("%d connections that break were not made", left.Load()+1)
	}
}

func TestReceiptsOverGRPC(t *testing.T) {
	t.Parallel()
	f := wired(t, 4, 2, 1, nil)
	if err := f.create(); err != nil {
		t.Fatal(err)
	}
	for _, s := range f.services {
		_ = s.Stepper(f.id)
	}
	if err := f.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := contracttest.ID(contracttest.Peer(0))
	task, err := f.services[0].TaskNow(t.Context(), id)
	if err != nil || task == nil {
		t.Fatalf("task %+v, error %v", task, err)
	}
	receipts, err := f.services[0].Receipts(t.Context(), id, f.id, 1, task.Model, task.ModelSize)
	if err != nil || len(receipts) != 2 {
		t.Fatalf("%d receipts, error %v, want two", len(receipts), err)
	}
	if err := f.must(contracttest.Peer(0), fl.MethodSubmitUpdate, &fl.SubmitUpdate{
		Job: f.id, Round: 1, Attempt: 1, Digest: task.Model, Size: task.ModelSize, NumExamples: 1, Receipts: receipts,
	}); err != nil {
		t.Fatal(err)
	}
	// Once it has answered, no node vouches for another file of that peer.
	link := f.meshes[0].Join(f.services[0])
	for _, c := range []struct {
		name   string
		upload coordinator.Upload
		want   error
	}{
		{"once it has answered", coordinator.Upload{Peer: id, Job: f.id, Round: 1, Digest: task.Model, Size: task.ModelSize}, coordinator.ErrNotAsked},
		{"another peer", coordinator.Upload{Peer: ledger.ID{1}, Job: f.id, Round: 1, Digest: task.Model, Size: task.ModelSize}, coordinator.ErrNotAsked},
		{"another round", coordinator.Upload{Peer: id, Job: f.id, Round: 2, Digest: task.Model, Size: task.ModelSize}, coordinator.ErrNotAsked},
		{"a size without end", coordinator.Upload{Peer: id, Job: f.id, Round: 1, Digest: task.Model, Size: 1 << 63}, coordinator.ErrNotAsked},
	} {
		if _, err := link.Hold(t.Context(), contracttest.ID(contracttest.Node(1)), c.upload); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestJobOverGRPC runs a job whose peers each talk to another node: who opens a
// round hears of them from the others.
func TestJobOverGRPC(t *testing.T) {
	t.Parallel()
	f := wired(t, 4, 4, 3, nil)
	stop := f.run(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	var peers sync.WaitGroup
	for i := range 3 {
		peers.Go(func() {
			for ctx.Err() == nil {
				if err := f.peer(ctx, i, i); err != nil && ctx.Err() == nil {
					t.Errorf("peer %d: %v", i, err)
					return
				}
			}
		})
	}
	if err := f.create(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the job to end", func() bool {
		j, err := f.job()
		return err == nil && j.State.Terminal()
	})
	cancel()
	peers.Wait()
	if err := stop(); err != nil {
		t.Error(err)
	}
	j, err := f.job()
	if err != nil || j.State != job.StateFinished || j.Finals != 2 {
		t.Fatalf("the job ended as %+v, error %v", j, err)
	}
	checkCard(t, f, j)
}
