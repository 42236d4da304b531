package node_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	identitycontract "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
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
	cut    map[int]bool
	open   map[net.Conn]bool // all connections that were accepted
}

func newWires() *wires { return &wires{cut: map[int]bool{}, open: map[net.Conn]bool{}} }

// connect returns the mesh of a node, and what runs it.
func (w *wires) connect(f *fleet, i int) (node.Mesh, func(*node.Node) func()) {
	f.Helper()
	config := f.config(i)
	if w.office == nil {
		w.office = transporttest.NewOffice(f, f.chain.ID, f.chain.Genesis.Organisations[0].ID, "office", f.clock.start)
	}
	shown := []*tls.Certificate{w.office.Node(config.Self, config.Key)}
	logger := slog.New(slog.DiscardHandler)
	t := transport.New(transport.Config{
		Self: config.Self, Chain: f.chain.ID, Certificates: func() []*tls.Certificate { return shown },
		Anchors:   []*x509.Certificate{w.office.Authority.Certificate},
		Addresses: sight{w, i}, Now: f.clock.now, Logger: logger, MaxBackoff: 20 * time.Millisecond,
	})
	mesh := grpcmesh.New(t, logger)
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

// TestOldProofOverGRPC: a node that never ran proves what the others have kept
// beside blocks that the group asks for no more.
func TestOldProofOverGRPC(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{wires: newWires(), blockTransactions: 1})
	f.start(0, 1, 2)
	defer f.close()
	first := f.submit(0, f.transfer(0, 1, 1))[0]
	last := first
	for i := range lokka.Window + 40 {
		last = f.submit(0, f.transfer(0, 1, 1))[0]
		if i%(node.MaxNotFinal/2) == 0 {
			f.final(last.Position)
		}
	}
	f.final(last.Position)
	f.start(3)
	f.final(last.Position)
	f.prove(3, first, last)
}
