package transport

import (
	"errors"
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc/credentials"

	"github.com/librum/librum/chain/ledger"
)

// tally counts what nodes have under way, each up to a bound.
type tally struct {
	most int
	mu   *sync.Mutex
	now  map[ledger.ID]int
}

func newTally(most int) tally {
	return tally{most: most, mu: new(sync.Mutex), now: map[ledger.ID]int{}}
}

// begin counts one more, unless there are as many as may be.
func (t *tally) begin(id ledger.ID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now[id] >= t.most {
		return false
	}
	t.now[id]++
	return true
}

func (t *tally) end(id ledger.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now[id]--; t.now[id] == 0 {
		delete(t.now, id)
	}
}

var errConnections = errors.New("the node has too many connections")

// counted is TLS for servers where each node is believed, and has few
// connections.
type counted struct {
	credentials.TransportCredentials
	transport *Transport
}

// ServerHandshake implements [credentials.TransportCredentials].
func (c counted) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return nil, nil, err
	}
	link := &link{TLSInfo: info.(credentials.TLSInfo)}
	id, err := c.transport.believe(link)
	if err == nil && !c.transport.linked.begin(id) {
		err = fmt.Errorf("node %s: %w", id.Short(), errConnections)
	}
	if err != nil {
		c.transport.refused("caller", err)
		return nil, nil, errors.Join(err, conn.Close())
	}
	return &countedConn{Conn: conn, end: sync.OnceFunc(func() { c.transport.linked.end(id) })}, link, nil
}

// countedConn counts until it is closed.
type countedConn struct {
	net.Conn
	end func()
}

func (c *countedConn) Close() error {
	defer c.end()
	return c.Conn.Close()
}
