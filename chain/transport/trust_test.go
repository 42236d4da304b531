package transport_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/transport"
	"github.com/librum/librum/chain/transport/transporttest"
)

func TestNodesSpeak(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 3)
	a, b := n.start(0, nil), n.start(1, nil)
	if err := n.say(a, 0, 1); err != nil {
		t.Error(err)
	}
	if err := n.say(b, 1, 0); err != nil {
		t.Error(err)
	}
	if err := n.say(a, 0, 2); status.Code(err) != codes.Unavailable {
		t.Errorf("a node without an address: %v, want %s", err, codes.Unavailable)
	}
}

// journal collects what a node logs.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) has(s string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Contains(j.text.String(), s)
}

// TestStrangers has node 0 show certificates that are no proof of being a node of
// the group. The node that is called says why, to its operator, and serves nothing.
// That it serves node 0 otherwise is TestNodesSpeak's.
func TestStrangers(t *testing.T) {
	t.Parallel()
	id, key := aplostest.NodeID(0), aplostest.NodeKey(0)
	other := ledger.ID{9}
	for name, c := range map[string]struct {
		shown func(n *network) *tls.Certificate
		want  error
	}{
		"of a foreign authority": {func(n *network) *tls.Certificate {
			return transporttest.NewOffice(t, n.chain.ID, n.organisation(), "foreign", now).Node(id, key)
		}, cert.ErrForeign},
		"of a foreign authority, with the right one beside it": {func(n *network) *tls.Certificate {
			o := transporttest.NewOffice(t, n.chain.ID, n.organisation(), "foreign", now)
			c, err := transport.NewCertificate(certificates(o.Issue(cert.KindNode, id, key)),
				certificates(o.Authority.Certificate, n.office.Authority.Certificate), key)
			if err != nil {
				t.Error(err)
			}
			return c
		}, cert.ErrForeign},
		"of an authority that was removed": {func(n *network) *tls.Certificate {
			o := transporttest.NewOffice(t, n.chain.ID, n.organisation(), "former", now)
			n.list(o.Authority, n.organisation(), true)
			return o.Node(id, key)
		}, cert.ErrForeign},
		"of another organisation's authority": {func(n *network) *tls.Certificate {
			o := transporttest.NewOffice(t, n.chain.ID, other, "other", now)
			n.list(o.Authority, other, false)
			return o.Node(id, key)
		}, cert.ErrForeign},
		"without its authority": {func(n *network) *tls.Certificate {
			c, err := transport.NewCertificate(certificates(n.office.Issue(cert.KindNode, id, key)), nil, key)
			if err != nil {
				t.Error(err)
			}
			return c
		}, cert.ErrForeign},
		"expired": {func(n *network) *tls.Certificate {
			return n.office.Shown(n.office.IssueFrom(cert.KindNode, id, key, now.AddDate(0, 0, -2)), key)
		}, cert.ErrExpired},
		"not yet": {func(n *network) *tls.Certificate {
			return n.office.Shown(n.office.IssueFrom(cert.KindNode, id, key, now.Add(time.Hour)), key)
		}, cert.ErrExpired},
		"for another chain": {func(n *network) *tls.Certificate {
			o := transporttest.NewOffice(t, ledger.Digest{7}, n.organisation(), "office", now)
			n.list(o.Authority, n.organisation(), false)
			return o.Node(id, key)
		}, cert.ErrWrongChain},
		"of a member": {func(n *network) *tls.Certificate {
			return n.office.Shown(n.office.Issue(cert.KindMember, id, key), key)
		}, cert.ErrKind},
		"of a server": {func(n *network) *tls.Certificate {
			return n.office.Shown(n.office.Issue(cert.KindServer, ledger.ID{}, key), key)
		}, transport.ErrOutside},
		"of an authority itself": {func(n *network) *tls.Certificate {
			a := transporttest.NewOffice(t, n.chain.ID, n.organisation(), "office", now)
			c := a.Authority.Certificate
			return &tls.Certificate{Certificate: [][]byte{c.Raw, c.Raw}, PrivateKey: a.Key.Signer(), Leaf: c}
		}, transport.ErrOutside},
		"for another node's name": {func(n *network) *tls.Certificate {
			return n.office.Node(aplostest.NodeID(2), key)
		}, transport.ErrKey},
		"for a key that is not in force": {func(n *network) *tls.Certificate {
			return n.office.Node(id, aplostest.NodeKey(7))
		}, transport.ErrKey},
		"of nobody in the group": {func(n *network) *tls.Certificate {
			return n.office.Node(ledger.ID{1, 2, 3}, key)
		}, transport.ErrOutside},
		"of a suspended node": {func(n *network) *tls.Certificate {
			n.put(governance.SuspendedRow, []governance.Suspension{{Node: id}})
			return n.office.Node(id, key)
		}, transport.ErrSuspended},
		"of a removed node": {func(n *network) *tls.Certificate {
			n.change(func(g *ledger.Group) { g.Nodes = g.Nodes[1:] })
			return n.office.Node(id, key)
		}, transport.ErrOutside},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t, 4)
			var log journal
			n.start(1, func(c *transport.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			stranger := n.start(0, nil, c.shown(n))
			if err := n.say(stranger, 0, 1); err == nil {
				t.Fatal("the stranger was served")
			}
			if !log.has(c.want.Error()) {
				t.Errorf("the log says %q, want %q", log.text.String(), c.want)
			}
			// Nor is it believed as one who is called.
			if err := n.say(n.start(2, nil), 2, 0); err == nil {
				t.Error("the stranger was called")
			}
		})
	}
}

// TestRevoked has an authority revoke a node's certificate while both are
// connected.
func TestRevoked(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 2)
	key := aplostest.NodeKey(0)
	issued := n.office.Issue(cert.KindNode, aplostest.NodeID(0), key)
	text, err := n.office.Authority.Revoke([]cert.Revocation{{Serial: issued.SerialNumber, At: now}}, 1, now, now.AddDate(0, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := cert.ParseRevoked(text, certificates(n.office.Authority.Certificate))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var inForce *cert.Revoked
	a := n.start(0, nil, n.office.Shown(issued, key))
	n.start(1, func(c *transport.Config) {
		c.Revoked = func() *cert.Revoked {
			mu.Lock()
			defer mu.Unlock()
			return inForce
		}
	})
	if err := n.say(a, 0, 1); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	inForce = revoked
	mu.Unlock()
	if err := n.say(a, 0, 1); status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), cert.ErrRevoked.Error()) {
		t.Errorf("a certificate that was revoked: %v", err)
	}
}

// TestHeardNoMore has the ledger take a node out, and suspend another, while
// they are connected.
func TestHeardNoMore(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 4)
	a, b, c := n.start(0, nil), n.start(1, nil), n.start(2, nil)
	for i, m := range []*member{a, b} {
		if err := n.say(m, i, 2); err != nil {
			t.Fatal(err)
		}
	}
	n.change(func(g *ledger.Group) { g.Nodes = g.Nodes[1:] })
	n.put(governance.SuspendedRow, []governance.Suspension{{Node: aplostest.NodeID(1)}})
	for i, m := range []*member{a, b} {
		if err := n.say(m, i, 2); status.Code(err) != codes.Unauthenticated {
			t.Errorf("node %d: %v, want %s", i, err, codes.Unauthenticated)
		}
	}
	if others := c.Others(); len(others) != 1 || others[0] != aplostest.NodeID(3) {
		t.Errorf("the others are %v, want node 3", others)
	}
}

// TestAnchors: an authority that the operator has configured counts until the
// ledger removes it.
func TestAnchors(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 2)
	office := transporttest.NewOffice(t, n.chain.ID, n.organisation(), "configured", now)
	anchored := func(c *transport.Config) { c.Anchors = certificates(office.Authority.Certificate) }
	shown := func(i int) *tls.Certificate { return office.Node(aplostest.NodeID(i), aplostest.NodeKey(i)) }
	a := n.start(0, anchored, shown(0))
	n.start(1, anchored, shown(1))
	if err := n.say(a, 0, 1); err != nil {
		t.Fatal(err)
	}
	n.list(office.Authority, n.organisation(), true)
	if err := n.say(a, 0, 1); status.Code(err) != codes.Unauthenticated {
		t.Errorf("an anchor that was removed: %v, want %s", err, codes.Unauthenticated)
	}
}

// TestKeyChanges has governance put another key in force for a node that has both
// with a certificate each: it is heard after a moment.
func TestKeyChanges(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 2)
	id, next := aplostest.NodeID(0), aplostest.NodeKey(8)
	clock := new(clock)
	a := n.start(0, func(c *transport.Config) { c.Now = clock.now }, n.office.Node(id, aplostest.NodeKey(0)), n.office.Node(id, next))
	b := n.start(1, nil)
	if err := n.say(a, 0, 1); err != nil {
		t.Fatal(err)
	}
	n.change(func(g *ledger.Group) { g.Nodes[0].Key = next.Public() })
	clock.advance(time.Minute) // connections are not made anew all the time
	n.eventually("the node to be heard under its new key", func() error { return n.say(a, 0, 1) })
	if err := n.say(b, 1, 0); err != nil {
		t.Error(err)
	}
}

type clock struct {
	mu    sync.Mutex
	extra time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return now.Add(c.extra)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.extra += d
}

// TestAnotherAnswers: at the address of node 2 node 1 listens.
func TestAnotherAnswers(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 3)
	a, b := n.start(0, nil), n.start(1, nil)
	n.book.Set(aplostest.NodeID(2), b.address)
	if err := n.say(a, 0, 2); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), transport.ErrOther.Error()) {
		t.Errorf("another node answers: %v", err)
	}
}

// TestClientsOfTLS tries what is not mutual TLS 1.3.
func TestClientsOfTLS(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 2)
	m := n.start(1, nil)
	shown := n.office.Node(aplostest.NodeID(0), aplostest.NodeKey(0))
	for _, c := range []struct {
		name   string
		change func(*tls.Config)
		good   bool
	}{
		{"as it should be", func(*tls.Config) {}, true},
		{"no certificate", func(c *tls.Config) { c.Certificates = nil }, false},
		{"TLS 1.2", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }, false},
		{"no HTTP/2", func(c *tls.Config) { c.NextProtos = nil }, false},
	} {
		config := &tls.Config{
			Certificates: []tls.Certificate{*shown}, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
			InsecureSkipVerify: true, // it is the server that is tested
		}
		c.change(config)
		conn, err := connect(t, m.address, config)
		if (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil {
			err = conn.Close()
		}
		if c.good && err != nil {
			t.Error(err)
		}
	}
	// And no TLS at all.
	raw, err := new(net.Dialer).DialContext(t.Context(), "tcp", m.address)
	if err != nil {
		t.Fatal(err)
	}
	if err := greet(raw); err == nil {
		t.Error("a client without TLS was answered")
	}
	if err := raw.Close(); err != nil {
		t.Error(err)
	}
}

// connect connects and waits for the server's first frame.
func connect(t *testing.T, address string, config *tls.Config) (net.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if err := greet(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// preface is what a client of HTTP/2 begins with: a line and a frame of SETTINGS
// without any (RFC 9113 §3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// greet sends the preface and wants the server's SETTINGS.
func greet(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte(preface)); err != nil {
		return err
	}
	head := make([]byte, 9)
	for n := 0; n < len(head); {
		more, err := conn.Read(head[n:])
		if err != nil {
			return err
		}
		n += more
	}
	if head[3] != 4 {
		return status.Errorf(codes.Internal, "frame %x", head)
	}
	return nil
}

func TestNewCertificate(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 1)
	key := aplostest.NodeKey(0)
	c := n.office.Issue(cert.KindNode, aplostest.NodeID(0), key)
	if _, err := transport.NewCertificate(nil, nil, key); err == nil {
		t.Error("no certificate was taken")
	}
	if _, err := transport.NewCertificate(certificates(c), nil, aplostest.NodeKey(1)); err == nil {
		t.Error("another key was taken")
	}
	many := make([]*x509.Certificate, 8)
	for i := range many {
		many[i] = n.office.Authority.Certificate
	}
	if _, err := transport.NewCertificate(certificates(c), many, key); err == nil {
		t.Error("nine certificates were taken")
	}
}

// TestConnectionsAreFew has one node open connection after connection: another one
// gets through, and it does itself once some have closed.
func TestConnectionsAreFew(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 3)
	m, other := n.start(1, nil), n.start(2, nil)
	shown := n.office.Node(aplostest.NodeID(0), aplostest.NodeKey(0))
	config := &tls.Config{
		Certificates: []tls.Certificate{*shown}, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
		InsecureSkipVerify: true, // it is the server that is tested
	}
	const most = 4
	var open []net.Conn
	for range most {
		conn, err := connect(t, m.address, config)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	if _, err := connect(t, m.address, config); err == nil {
		t.Error("one connection too many was answered")
	}
	if err := n.say(other, 2, 1); err != nil {
		t.Errorf("another node: %v", err)
	}
	for _, conn := range open {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	n.eventually("the node to get through again", func() error {
		conn, err := connect(t, m.address, config)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// TestConnectionsOfAnAddress has one address take all the places it may have and
// ask for more, without a word of TLS: another is served meanwhile.
func TestConnectionsOfAnAddress(t *testing.T) {
	t.Parallel()
	const share = 8
	n := newNetwork(t, 3)
	var log journal
	m := n.start(1, func(c *transport.Config) {
		c.PerAddress, c.Logger = share, slog.New(slog.NewTextHandler(&log, nil))
	})
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, Timeout: time.Minute}
	var open []net.Conn
	for range share + 40 {
		c, err := dialer.DialContext(t.Context(), "tcp", m.address)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	for i, c := range open[share:] {
		if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("connection %d of an address was not closed: %v", share+i, err)
		}
	}
	if err := n.say(n.start(2, nil), 2, 1); err != nil {
		t.Errorf("another address: %v", err)
	}
	if got, bound := m.Connections(); got > share+1 || bound <= got {
		t.Errorf("%d of %d connections are open, want those of the share and one at most", got, bound)
	}
	if !log.has("more are closed") { // not by a time-out
		t.Errorf("the log says nothing of it: %s", log.text.String())
	}
	for _, c := range open {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// impostor shows the certificates of a node, which everybody sees, without holding
// its key.
func impostor(n *network) *tls.Config {
	shown := *n.office.Node(aplostest.NodeID(0), aplostest.NodeKey(0))
	shown.PrivateKey, shown.Leaf = aplostest.NodeKey(9).Signer(), nil
	return &tls.Config{
		Certificates: []tls.Certificate{shown}, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
		InsecureSkipVerify: true, // it is the server that is tested
	}
}

// TestImpostorsReadNothing holds that who does not hold the key of the certificate
// that he shows has nothing read for him.
func TestImpostorsReadNothing(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 3)
	m, other := n.start(1, nil), n.start(2, nil)
	if err := n.say(other, 2, 1); err != nil {
		t.Fatal(err)
	}
	before := n.views.Load()
	for range 20 {
		if _, err := connect(t, m.address, impostor(n)); err == nil {
			t.Error("an impostor was answered")
		}
	}
	if more := n.views.Load() - before; more != 0 {
		t.Errorf("the ledger was read %d times for 20 impostors", more)
	}
	n.change(func(g *ledger.Group) { g.Nodes = g.Nodes[1:] })
	for range 20 { // now that the group is another
		if _, err := connect(t, m.address, impostor(n)); err == nil {
			t.Error("an impostor was answered")
		}
	}
	if more := n.views.Load() - before; more != 1 {
		t.Errorf("the ledger was read %d times after one change", more)
	}
}

// BenchmarkImpostors is what a handshake that fails costs, with both of its sides,
// at a node that executes meanwhile.
func BenchmarkImpostors(b *testing.B) {
	n := newNetwork(b, 64)
	m := n.start(1, nil)
	config := impostor(n)
	b.ReportAllocs()
	for b.Loop() {
		conn, err := (&tls.Dialer{Config: config}).DialContext(b.Context(), "tcp", m.address)
		if err != nil {
			continue // it is refused sooner or later
		}
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			b.Fatal("an impostor was answered")
		}
		if err := conn.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
