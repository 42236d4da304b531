package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/netlimit"
)

// Bounds of what others may ask of a node (invariant 4).
const (
	MaxRequestBytes = 64 << 10
	MaxCallTime     = time.Hour
	maxCalls        = 32 // of one node at once
	maxPerNode      = 4  // connections of one node
	maxConnections  = maxPerNode * ledger.MaxGroupNodes
	maxHeaderBytes  = 16 << 10
	handshakeTime   = 10 * time.Second
	keepaliveTime   = 20 * time.Second // until a silent connection is asked for a sign of life
	keepaliveWait   = 10 * time.Second // for it
	graceTime       = 5 * time.Second  // for calls under way when the node stops
)

// Ledger is what the transport asks of its node.
type Ledger interface {
	// View calls read with the state after a whole number of records, and the
	// log time there.
	View(ctx context.Context, read func(state contract.Range, logTime int64) error) error
	// Next returns the offset of the next record to execute: while it stays, so does
	// what View shows. A moment after a record was executed it may lag behind.
	Next() uint64
}

// running is the node's ledger while the transport runs.
type running struct {
	ctx    context.Context //nolint:containedctx // that of Run: handshakes have none of their own
	ledger Ledger
}

func (r *running) view(read func(state contract.Range, logTime int64) error) error {
	return r.ledger.View(r.ctx, read)
}

// Addresses says where nodes may be reached. What it says is believed by nobody
// (invariant 3).
type Addresses interface {
	// Address returns host and port of a node, or false where none is known.
	Address(node ledger.ID) (string, bool)
}

// Config is what a transport is made of.
type Config struct {
	Self  ledger.ID
	Chain ledger.Digest
	// Certificates returns those of this node, see [NewCertificate]. There may be
	// several, of keys that were in force or will be: the one in force is shown.
	Certificates func() []*tls.Certificate
	// Anchors are authorities that count although the ledger does not list them
	// yet, as long as it has not removed them.
	Anchors []*x509.Certificate
	// Revoked returns the certificates that count no more, nil where no list is
	// known; nil for never.
	Revoked   func() *cert.Revoked
	Addresses Addresses
	Now       func() time.Time
	Logger    *slog.Logger
	// PerAddress bounds the connections of one address; 0: 64, as many as 16 nodes
	// behind it may have.
	PerAddress int
	// MaxBackoff bounds the rest between attempts to connect; 0: 5 s.
	MaxBackoff time.Duration
}

const (
	defaultBackoff    = 5 * time.Second
	defaultPerAddress = 16 * maxPerNode
)

// ErrNotRunning: the transport carries nothing before Run and after it.
var ErrNotRunning = errors.New("the transport does not run")

// Service is what a node does for others.
type Service interface {
	Register(r grpc.ServiceRegistrar)
}

// Transport is one node's way to the others and theirs to it. It is safe for
// concurrent use.
type Transport struct {
	config Config
	ledger atomic.Pointer[running]
	calls  tally
	linked tally // connections that others have made
	places *netlimit.Places
	warned limiter

	knowledge knowledge

	mu      sync.Mutex
	conns   map[ledger.ID]*conn
	stopped bool
}

// New returns a transport that carries nothing yet.
func New(config Config) *Transport {
	if config.MaxBackoff == 0 {
		config.MaxBackoff = defaultBackoff
	}
	if config.PerAddress == 0 {
		config.PerAddress = defaultPerAddress
	}
	return &Transport{
		config: config, calls: newTally(maxCalls), linked: newTally(maxPerNode), conns: map[ledger.ID]*conn{},
		places: netlimit.New(netlimit.Bounds{Total: maxConnections, PerAddress: config.PerAddress}),
	}
}

// Connections returns how many connections others have to this node, and how many
// there may be.
func (t *Transport) Connections() (open, bound int) {
	c := t.places.Count()
	return c.Open, c.Bound
}

// crowded logs that an address has too many connections.
func (t *Transport) crowded(from net.Addr) {
	t.refused("caller", fmt.Errorf("%s has %d connections, more are closed", from, t.config.PerAddress))
}

// Run serves the services to the nodes that the ledger knows, and connects to
// them, until ctx ends. It closes the listener.
func (t *Transport) Run(ctx context.Context, listener net.Listener, of Ledger, services ...Service) error {
	t.ledger.Store(&running{ctx, of})
	server := grpc.NewServer(
		grpc.Creds(counted{credentials.NewTLS(t.serverTLS()), t}),
		grpc.ForceServerCodecV2(codec{}),
		grpc.MaxRecvMsgSize(MaxRequestBytes),
		grpc.MaxConcurrentStreams(maxCalls),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.ConnectionTimeout(handshakeTime),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveTime, Timeout: keepaliveWait}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveTime / 2, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(t.unary),
		grpc.StreamInterceptor(t.stream),
		grpc.WaitForHandlers(true),
	)
	for _, s := range services {
		s.Register(server)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		err := server.Serve(t.places.Listen(listener, t.crowded))
		if err != nil && !errors.Is(err, grpc.ErrServerStopped) { // that it was stopped before it began
			return fmt.Errorf("serve the other nodes at %s: %w", listener.Addr(), err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		hard := time.AfterFunc(graceTime, server.Stop)
		server.GracefulStop()
		hard.Stop()
		return t.stop()
	})
	return group.Wait()
}

// limiter lets one of many lines into the log.
type limiter struct{ next atomic.Int64 }

const logInterval = time.Second

func (l *limiter) allow(now time.Time) bool {
	next := l.next.Load()
	return now.UnixNano() >= next && l.next.CompareAndSwap(next, now.Add(logInterval).UnixNano())
}

// refused logs that somebody is not believed, once a second.
func (t *Transport) refused(side string, err error) {
	if t.warned.allow(t.config.Now()) {
		t.config.Logger.Warn("a node is not believed", "node", t.config.Self.Short(), "as", side, "error", err)
	}
}
