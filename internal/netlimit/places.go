package netlimit

import (
	"net"
	"net/netip"
	"sync"
)

// Bounds are how many connections may be open.
type Bounds struct {
	Total      int
	PerAddress int // of one address, see [Network]
}

// Places counts connections. Several listeners may share them; it is safe for
// concurrent use.
type Places struct {
	bounds Bounds
	slots  chan struct{} // one for each connection, and one for who waits in Accept

	mu      sync.Mutex
	by      map[netip.Prefix]int // of each address that has some
	open    int
	refused uint64
}

// Count is a reading of [Places].
type Count struct {
	Open    int
	Bound   int
	Refused uint64 // closed since their address had too many, so far
}

// New returns free places.
func New(b Bounds) *Places {
	return &Places{bounds: b, slots: make(chan struct{}, b.Total), by: map[netip.Prefix]int{}}
}

// Count returns how many places are taken.
func (p *Places) Count() Count {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Count{Open: p.open, Bound: p.bounds.Total, Refused: p.refused}
}

// Listen returns the listener with bounded connections. refused is told of each that
// was closed at once; it may be nil.
func (p *Places) Listen(l net.Listener, refused func(net.Addr)) net.Listener {
	return &listener{Listener: l, places: p, refused: refused, done: make(chan struct{})}
}

func (p *Places) enter(from netip.Prefix) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by[from] >= p.bounds.PerAddress {
		p.refused++
		return false
	}
	p.by[from]++
	p.open++
	return true
}

func (p *Places) leave(from netip.Prefix) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open--
	if p.by[from]--; p.by[from] == 0 {
		delete(p.by, from)
	}
}

type listener struct {
	net.Listener
	places  *Places
	refused func(net.Addr)

	closing sync.Once
	done    chan struct{} // closed by Close
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.places.slots <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			<-l.places.slots
			return nil, err
		}
		from := networkOf(conn.RemoteAddr())
		if l.places.enter(from) {
			return &connection{Conn: conn, leave: sync.OnceFunc(func() {
				l.places.leave(from)
				<-l.places.slots
			})}, nil
		}
		if l.refused != nil {
			l.refused(conn.RemoteAddr())
		}
		_ = conn.Close() // nobody uses it
	}
}

// Close implements [net.Listener].
func (l *listener) Close() error {
	l.closing.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// connection has a place until it is closed.
type connection struct {
	net.Conn
	leave func()
}

// Close implements [net.Conn].
func (c *connection) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// networkOf is Network of a connection's other end. All that have no address
// count as one.
func networkOf(addr net.Addr) netip.Prefix {
	if addr == nil {
		return netip.Prefix{}
	}
	port, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.Prefix{}
	}
	return Network(port.Addr())
}

// Network returns what counts as one address: an IPv4 address, or the 64 bits of an
// IPv6 address that one subscriber has (RFC 6177).
func Network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap()
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	prefix, _ := addr.WithZone("").Prefix(bits) // bits fit; none of an addr that is none
	return prefix
}
