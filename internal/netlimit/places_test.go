package netlimit_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/librum/librum/internal/netlimit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// line is a listener whose connections come from where the test says.
type line struct {
	arrivals chan net.Conn
	done     chan struct{}
	once     sync.Once
}

func newLine() *line { return &line{arrivals: make(chan net.Conn), done: make(chan struct{})} }

func (l *line) Accept() (net.Conn, error) {
	select {
	case c := <-l.arrivals:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *line) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (*line) Addr() net.Addr { return &net.TCPAddr{} }

// call is a connection from an address.
type call struct {
	net.Conn
	from   net.Addr
	closed chan struct{}
	once   sync.Once
}

func newCall(from string) *call {
	return &call{from: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 4711)), closed: make(chan struct{})}
}

func (c *call) RemoteAddr() net.Addr { return c.from }

func (c *call) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// soon fails unless the channel has something for us.
func soon[T any](t *testing.T, what string, from <-chan T) (v T) {
	t.Helper()
	timeout := time.NewTimer(time.Minute)
	defer timeout.Stop()
	select {
	case v = <-from:
	case <-timeout.C:
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

// TestFlood has one address come again and again: beyond its share it is refused
// at once, another is served, and what it closes it may open again.
func TestFlood(t *testing.T) {
	t.Parallel()
	under := newLine()
	places := netlimit.New(netlimit.Bounds{Total: 5, PerAddress: 2})
	refused := make(chan net.Addr, 100)
	l := places.Listen(under, func(a net.Addr) { refused <- a })
	accepted := make(chan net.Conn, 100)
	ended := make(chan error, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- c
		}
	}()
	var open []net.Conn
	for _, from := range []string{"192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "2001:db8:0:0:1::"} { // two addresses, twice each
		under.arrivals <- newCall(from)
		open = append(open, soon(t, "a connection of "+from, accepted))
	}
	for range 50 {
		c := newCall("192.0.2.1")
		under.arrivals <- c
		soon(t, "a connection too many to be closed", c.closed)
		soon(t, "that to be told", refused)
	}
	if got, want := places.Count(), (netlimit.Count{Open: 4, Bound: 5, Refused: 50}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	under.arrivals <- newCall("198.51.100.7")
	open = append(open, soon(t, "another address", accepted))
	// All places are taken: whoever comes waits until one is free.
	waiting := newCall("203.0.113.5")
	arrived := make(chan struct{})
	go func() {
		under.arrivals <- waiting
		close(arrived)
	}()
	for range 2 { // a connection is closed once
		if err := open[0].Close(); err != nil {
			t.Error(err)
		}
	}
	soon(t, "the one that waits", arrived)
	open[0] = soon(t, "a place to be free", accepted)
	if open[0].RemoteAddr() != waiting.from {
		t.Errorf("%s was let in", open[0].RemoteAddr())
	}
	if got := places.Count().Open; got != 5 {
		t.Errorf("%d are open, want 5", got)
	}
	if err := l.Close(); err != nil { // while Accept waits for a place
		t.Error(err)
	}
	if err := soon(t, "the end", ended); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept ends with %v", err)
	}
	for _, c := range open {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := places.Count().Open; got != 0 {
		t.Errorf("%d are open after all were closed", got)
	}
}

// TestTwin compares with a list of who is inside.
func TestTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bounds := netlimit.Bounds{Total: rapid.IntRange(1, 6).Draw(t, "total"), PerAddress: rapid.IntRange(1, 3).Draw(t, "per address")}
		places, under := netlimit.New(bounds), newLine()
		l := places.Listen(under, nil)
		defer l.Close()
		type guest struct {
			net.Conn
			from string
		}
		var inside []guest
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			if len(inside) > 0 && (len(inside) == bounds.Total || rapid.Bool().Draw(t, "leave")) {
				i := rapid.IntRange(0, len(inside)-1).Draw(t, "who")
				if err := inside[i].Close(); err != nil {
					t.Fatal(err)
				}
				inside = slices.Delete(inside, i, i+1)
				continue
			}
			from := rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.2", "2001:db8::1"}).Draw(t, "from")
			has := 0
			for _, g := range inside {
				if g.from == from {
					has++
				}
			}
			accepted := make(chan net.Conn, 1)
			go func() {
				c, err := l.Accept()
				if err != nil {
					c = nil
				}
				accepted <- c
			}()
			arrival := newCall(from)
			under.arrivals <- arrival
			if has >= bounds.PerAddress {
				<-arrival.closed
				fresh := newCall("198.51.100.9") // lets Accept go on
				under.arrivals <- fresh
				if c := <-accepted; c == nil || c.RemoteAddr() != fresh.from || c.Close() != nil {
					t.Fatalf("%v was let in", c)
				}
				continue
			}
			c := <-accepted
			if c == nil || c.RemoteAddr() != arrival.from {
				t.Fatalf("%v was let in, want %s", c, from)
			}
			inside = append(inside, guest{c, from})
		}
		if got := places.Count().Open; got != len(inside) {
			t.Fatalf("%d are open, want %d", got, len(inside))
		}
	})
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32", "2001:db8:1:2:3::4%eth0": "2001:db8:1:2::/64",
	} {
		if got := netlimit.Network(netip.MustParseAddr(addr)); got.String() != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if got := netlimit.Network(netip.Addr{}); got != (netip.Prefix{}) {
		t.Errorf("no address: %s", got)
	}
}
