package node_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	identitycontract "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/node/grpcmesh"
	"github.com/librum/librum/chain/transport"
	"github.com/librum/librum/chain/transport/transporttest"
)

// wires connect the nodes of a fleet over gRPC on loopback, each behind a valve.
type wires struct {
	office *transporttest.Office
	book   transporttest.Book
	mu     sync.Mutex
	meshes map[int]*grpcmesh.Mesh
	cut    map[int]bool
	open   map[net.Conn]bool // all connections that were accepted
}

func newWires() *wires {
	return &wires{meshes: map[int]*grpcmesh.Mesh{}, cut: map[int]bool{}, open: map[net.Conn]bool{}}
}

// connect returns the mesh of a node, and what runs it.
func (w *wires) connect(f *fleet, i int) (node.Mesh, func(*node.Node) func()) {
	f.Helper()
	config := f.config(i)
	if w.office == nil {
		w.office = transporttest.NewOffice(f, f.chain.ID, f.chain.Genesis.Organisations[0].ID, "office", f.clock.start)
	}
	var shown []*tls.Certificate
	for _, key := range append([]*identity.Key{config.Key}, config.OtherKeys...) {
		shown = append(shown, w.office.Node(config.Self, key))
	}
	logger := slog.New(slog.DiscardHandler)
	t := transport.New(transport.Config{
		Self: config.Self, Chain: f.chain.ID, Certificates: func() []*tls.Certificate { return shown },
		Anchors:   []*x509.Certificate{w.office.Authority.Certificate},
		Addresses: sight{w, i}, Now: f.clock.now, Logger: logger, MaxBackoff: 20 * time.Millisecond,
	})
	mesh := grpcmesh.New(t, logger)
	w.meshes[i] = mesh
	listener := transporttest.Listen(f)
	w.book.Set(config.Self, listener.Addr().String())
	return mesh, func(n *node.Node) func() {
		ctx, cancel := context.WithCancel(context.WithoutCancel(f.Context()))
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return t.Run(ctx, valve{listener, w, i}, n, mesh) })
		group.Go(func() error { return mesh.Run(ctx) })
		return func() {
			cancel()
			if err := group.Wait(); err != nil {
				f.Errorf("the wires of node %d: %v", i, err)
			}
		}
	}
}

// set cuts a node off, or lets it return. All connections break.
func (w *wires) set(i int, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut[i] = cut
	for c := range w.open {
		_ = c.Close() // both ends see that it broke
	}
	clear(w.open)
}

func (w *wires) isCut(i int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut[i]
}

// sight is the addresses that a node sees: none while it is cut off.
type sight struct {
	wires *wires
	index int
}

func (s sight) Address(id ledger.ID) (string, bool) {
	if s.wires.isCut(s.index) {
		return "", false
	}
	return s.wires.book.Address(id)
}

// valve is a listener whose connections break when a node is cut off.
type valve struct {
	net.Listener
	wires *wires
	index int
}

func (v valve) Accept() (net.Conn, error) {
	for {
		c, err := v.Listener.Accept()
		if err != nil {
			return nil, err
		}
		v.wires.mu.Lock()
		cut := v.wires.cut[v.index]
		if !cut {
			v.wires.open[c] = true
		}
		v.wires.mu.Unlock()
		if !cut {
			return c, nil
		}
		_ = c.Close() // nobody gets through
	}
}

// TestOverGRPC has four nodes meet over TLS: they make blocks final, also while
// one is down and comes back, and while one is cut off from the others and
// returns.
func TestOverGRPC(t *testing.T) {
	t.Parallel()
	w := newWires()
	f := newFleet(t, options{wires: w, blockTransactions: 4})
	f.start()
	defer f.close()
	pay := func(at int) ledger.Position {
		var last ledger.Position
		for i := range 12 {
			last = f.submit(at, f.transfer(i%4, (i+1)%4, 1))[0].Position
		}
		return last
	}
	first := f.submit(0, f.transfer(0, 1, 1))[0]
	f.final(first.Position)
	f.final(pay(1))

	f.stop(2)
	f.final(pay(3)) // at the three that run
	f.start(2)      // at another port
	f.final(pay(2))

	w.set(1, true)
	last := pay(1) // a node that is cut off orders on
	for _, i := range []int{0, 2, 3} {
		if _, err := f.node(i).Await(t.Context(), func(s node.Status) bool { return s.IsFinal(last) }); err != nil {
			t.Fatal(err)
		}
	}
	f.eventually("the node that is cut off to have stored all", func() bool { return f.node(1).Status().NotFinal > 0 })
	if s := f.node(1).Status(); s.IsFinal(last) {
		t.Errorf("final at the node that is cut off: %+v", s)
	}
	w.set(1, false)
	f.final(last)
	last = pay(0)
	f.final(last)
	f.sameHeaders()
	f.prove(1, first, f.submit(1, f.transfer(0, 1, 1))[0])

	// What a proof of an old block asks for.
	want, _, err := f.node(3).Header(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	header, signatures, err := w.meshes[0].Header(t.Context(), f.node(3).ID(), 1)
	if err != nil || !bytes.Equal(header, want) || len(signatures) < 3 {
		t.Errorf("header 1 of another node: %d bytes with %d signatures, error %v", len(header), len(signatures), err)
	}
	if _, _, err := w.meshes[0].Header(t.Context(), f.node(3).ID(), 1_000); !errors.Is(err, node.ErrNotFound) {
		t.Errorf("a header that is not there: %v, want %v", err, node.ErrNotFound)
	}

	shown := map[string]int{}
	for _, q := range f.node(0).Queues() {
		shown[q.Name] = q.Bound
	}
	if shown["mesh_push"] == 0 || shown["mesh_pull"] == 0 || shown["signatures"] == 0 {
		t.Errorf("queues with their bounds: %v, want those to other nodes among them", shown)
	}
}

// TestLiarOverGRPC: a node whose headers differ learns it from the others', and
// they go on.
func TestLiarOverGRPC(t *testing.T) {
	t.Parallel()
	kept := make(chan lokka.Divergence, 1)
	f := newFleet(t, options{
		wires: newWires(),
		contracts: func(i int) contract.Rules {
			native := token.New()
			if i == 3 {
				native = generous()
			}
			return contract.Rules{contract.NewSet(governance.New(), identitycontract.New(), native)}
		},
		config: func(i int, c *node.Config) {
			if i == 3 {
				c.KeepEvidence = func(d lokka.Divergence) error { kept <- d; return nil }
			}
		},
	})
	f.start()
	defer f.close()
	last := f.submit(0, f.transfer(0, 1, 1))[0].Position
	for i := range 3 {
		if err := f.node(i).AwaitFinal(t.Context(), last); err != nil {
			t.Errorf("node %d: %v", i, err)
		}
	}
	if err := f.node(3).AwaitFinal(t.Context(), last); !errors.Is(err, node.ErrDiverged) {
		t.Errorf("AwaitFinal at the node that diverged: %v, want %v", err, node.ErrDiverged)
	}
	if d := <-kept; d.Height != 1 || len(d.Signatures) < 3 {
		t.Errorf("evidence of height %d with %d signatures", d.Height, len(d.Signatures))
	}
	last = f.submit(0, f.transfer(2, 1, 1))[0].Position
	for i := range 3 {
		if err := f.node(i).AwaitFinal(t.Context(), last); err != nil {
			t.Errorf("node %d: %v", i, err)
		}
	}
}

// heard waits for a node's signature beside some new block: what it pushed while it
// was not believed yet is lost, and asked for only where a quorum lacks it.
func (f *fleet) heard(at, signer int) {
	f.Helper()
	f.eventually("a signature of the node", func() bool {
		o := f.submit(at, f.transfer(1, 2, 1))[0]
		f.final(o.Position)
		_, height, err := f.node(at).Transaction(f.Context(), o.ID)
		if err != nil {
			f.Fatal(err)
		}
		_, signatures, err := f.node(at).Header(f.Context(), height)
		if err != nil {
			f.Fatal(err)
		}
		return slices.ContainsFunc(signatures, func(s ledger.HeaderSignature) bool { return s.Node == aplostest.NodeID(signer) })
	})
}

// TestEpochsOverGRPC: a node that governance adds is heard, one whose key it rotates
// goes on under the other key, and one that it removes is heard no more.
func TestEpochsOverGRPC(t *testing.T) {
	t.Parallel()
	w := newWires()
	f := governed(t, options{extra: 1, wires: w})
	f.start()
	defer f.close()
	asks := func(i int) error {
		_, _, err := w.meshes[i].Header(t.Context(), f.node(0).ID(), 1)
		return err
	}
	first := f.submit(0, f.transfer(0, 1, 1))[0].Position
	for i := range 4 {
		if err := f.node(i).AwaitFinal(t.Context(), first); err != nil {
			t.Fatal(err)
		}
	}
	if err := asks(4); status.Code(err) != codes.Unavailable {
		t.Errorf("a node that is not in the group asks: %v, want %s", err, codes.Unavailable)
	}
	f.enact(0, addNode(f.chain, 4))
	f.heard(0, 4)
	f.enact(4, rotateNode(f.chain, 2))
	f.heard(0, 2)
	if err := asks(1); err != nil {
		t.Error(err)
	}
	f.enact(2, removeNode(1))
	f.eventually("the node that was removed to be heard no more", func() bool {
		code := status.Code(asks(1))
		return code == codes.Unauthenticated || code == codes.Unavailable
	})
	f.stop(1)
	f.heard(3, 0)
	f.signs(4, 1, false)
	f.sameHeaders()
}

// signatures is the message of Push, as any program may send it.
type signatures struct {
	_    struct{} `cbor:",toarray"`
	List []ledger.HeaderSignature
}

// TestLiarsCalls has a program with the certificate of node 3 say to node 0 what
// no honest node says: it is refused or of no use, and blocks become final.
func TestLiarsCalls(t *testing.T) {
	t.Parallel()
	w := newWires()
	f := newFleet(t, options{wires: w})
	f.start(0, 1, 2)
	defer f.close()
	first := f.submit(0, f.transfer(0, 1, 1))[0].Position
	f.final(first)

	key := aplostest.NodeKey(3)
	shown := []*tls.Certificate{w.office.Node(aplostest.NodeID(3), key)}
	liar := transport.New(transport.Config{
		Self: aplostest.NodeID(3), Chain: f.chain.ID, Certificates: func() []*tls.Certificate { return shown },
		Anchors: []*x509.Certificate{w.office.Authority.Certificate}, Addresses: &w.book, Now: f.clock.now, Logger: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- liar.Run(ctx, transporttest.Listen(t), f.node(1)) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	f.eventually("the liar's transport to run", func() bool { return liar.Others() != nil })
	call := func(method string, in any, out any) codes.Code {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		return status.Code(liar.Conn(aplostest.NodeID(0)).Invoke(ctx, transport.FullMethod("librum.node.v1.Node", method), in, out))
	}
	push := func(list ...ledger.HeaderSignature) codes.Code {
		return call("Push", &signatures{List: list}, new(struct {
			_ struct{} `cbor:",toarray"`
		}))
	}
	own := ledger.HeaderSignature{Height: 2, Header: ledger.Digest{1}, Node: aplostest.NodeID(3)}
	other := own
	other.Node = aplostest.NodeID(1)
	for _, c := range []struct {
		name string
		list []ledger.HeaderSignature
		want codes.Code
	}{
		{"a signature of another node", []ledger.HeaderSignature{own, other}, codes.PermissionDenied},
		{"too many at once", slices.Repeat([]ledger.HeaderSignature{own}, 65), codes.InvalidArgument},
		{"one that is not valid", []ledger.HeaderSignature{own}, codes.OK},
		{"none", nil, codes.OK},
	} {
		if got := push(c.list...); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	flooded := codes.OK
	for i := uint64(0); flooded == codes.OK && i < 10_000; i++ {
		own.Height = 2 + i%100
		own.Header[1]++
		flooded = push(slices.Repeat([]ledger.HeaderSignature{own}, 64)...)
	}
	if flooded != codes.ResourceExhausted {
		t.Errorf("signatures without end: %s, want %s", flooded, codes.ResourceExhausted)
	}
	last := f.submit(1, f.transfer(0, 1, 1))[0].Position
	f.final(last)
	f.sameHeaders()
}
