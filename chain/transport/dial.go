package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/librum/librum/chain/ledger"
)

// How connections are made anew.
const (
	firstBackoff  = 100 * time.Millisecond
	connectTime   = 10 * time.Second
	renewInterval = time.Second // between connections that were not believed
	backoffFactor = 1.6
	backoffJitter = 0.2
	maxConns      = 2 * ledger.MaxGroupNodes
)

// conn is the connection to one node, made when it is first needed and made again
// when it breaks.
type conn struct {
	transport *Transport
	to        ledger.ID

	mu      sync.Mutex
	current *grpc.ClientConn // nil before the first call, and after the last
	made    time.Time
	closed  bool
}

// Conn returns the connection to a node. That node may be away: then the calls
// fail, soon.
func (t *Transport) Conn(to ledger.ID) grpc.ClientConnInterface {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.conns[to]
	if ok {
		return c
	}
	c = &conn{transport: t, to: to, closed: t.stopped}
	if t.stopped {
		return c
	}
	if len(t.conns) >= maxConns { // most have left the group; who is called again is connected again
		if err := t.closeAll(); err != nil {
			t.config.Logger.Warn("connections to other nodes were not closed well", "error", err)
		}
	}
	t.conns[to] = c
	return c
}

// closeAll closes all connections; the caller has the lock.
func (t *Transport) closeAll() error {
	errs := make([]error, 0, len(t.conns))
	for _, c := range t.conns {
		errs = append(errs, c.close())
	}
	clear(t.conns)
	return errors.Join(errs...)
}

func (t *Transport) stop() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	return t.closeAll()
}

func (t *Transport) dial(ctx context.Context, to ledger.ID) (net.Conn, error) {
	address, ok := t.config.Addresses.Address(to)
	if !ok {
		return nil, fmt.Errorf("no address of node %s is known", to.Short())
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

func (c *conn) open() (*grpc.ClientConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.transport.ledger.Load() == nil {
		return nil, status.Error(codes.Unavailable, ErrNotRunning.Error())
	}
	if c.current != nil {
		return c.current, nil
	}
	t := c.transport
	made, err := grpc.NewClient("passthrough:///"+c.to.String(),
		grpc.WithTransportCredentials(credentials.NewTLS(t.clientTLS(c.to))),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return t.dial(ctx, c.to) }),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: min(firstBackoff, t.config.MaxBackoff), Multiplier: backoffFactor, Jitter: backoffJitter, MaxDelay: t.config.MaxBackoff,
			},
			MinConnectTimeout: connectTime,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveWait, PermitWithoutStream: true}),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{}), grpc.MaxCallRecvMsgSize(MaxRequestBytes)),
		grpc.WithMaxHeaderListSize(maxHeaderBytes),
		grpc.WithDisableServiceConfig(), grpc.WithDisableRetry(), grpc.WithNoProxy(),
	)
	if err != nil {
		return nil, err
	}
	c.current, c.made = made, t.config.Now()
	return made, nil
}

// renew drops a connection over which this node is not believed any more, so that
// the next call shows the certificate that is in force now.
func (c *conn) renew(used *grpc.ClientConn, err error) error {
	if status.Code(err) != codes.Unauthenticated {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == used && c.transport.config.Now().Sub(c.made) >= renewInterval {
		c.current = nil
		return errors.Join(err, used.Close())
	}
	return err
}

func (c *conn) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.current == nil {
		return nil
	}
	current := c.current
	c.current = nil
	return current.Close()
}

// Invoke implements [grpc.ClientConnInterface].
func (c *conn) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	current, err := c.open()
	if err != nil {
		return err
	}
	return c.renew(current, current.Invoke(ctx, method, args, reply, options...))
}

// NewStream implements [grpc.ClientConnInterface].
func (c *conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	current, err := c.open()
	if err != nil {
		return nil, err
	}
	s, err := current.NewStream(ctx, desc, method, options...)
	return s, c.renew(current, err)
}
