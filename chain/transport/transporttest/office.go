package transporttest

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/transport"
)

// Office issues certificates for an organisation.
type Office struct {
	TB        testing.TB
	Authority *cert.Authority
	Key       *identity.Key // the authority's
	Now       time.Time
}

// NewOffice returns the office of an organisation; the name tells its key from
// those of others.
func NewOffice(tb testing.TB, chain ledger.Digest, organisation ledger.ID, name string, now time.Time) *Office {
	tb.Helper()
	seed := sha256.Sum256(fmt.Appendf(nil, "authority %s", name))
	key := identity.KeyFromSeed(seed)
	c, err := cert.NewRoot(cert.Root{
		Chain: chain, Organisation: organisation, Generation: 1, From: now.AddDate(0, -1, 0), Until: now.AddDate(10, 0, 0),
	}, key, rand.NewChaCha8(seed))
	if err != nil {
		tb.Fatal(err)
	}
	authority, err := cert.NewAuthority(c, key, rand.NewChaCha8(sha256.Sum256(seed[:])))
	if err != nil {
		tb.Fatal(err)
	}
	return &Office{TB: tb, Authority: authority, Key: key, Now: now}
}

// Issue returns a certificate that holds for a day.
func (o *Office) Issue(kind cert.Kind, id ledger.ID, key *identity.Key) *x509.Certificate {
	o.TB.Helper()
	return o.IssueFrom(kind, id, key, o.Now.Add(-time.Minute))
}

// IssueFrom returns a certificate that holds for a day from a time on.
func (o *Office) IssueFrom(kind cert.Kind, id ledger.ID, key *identity.Key, from time.Time) *x509.Certificate {
	o.TB.Helper()
	r := &cert.Request{Kind: kind, Chain: o.Authority.Chain, Organisation: o.Authority.Organisation}
	if kind != cert.KindServer {
		r.ID = id
	}
	if kind != cert.KindMember {
		r.IPs = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	text, err := r.MarshalRequest(key)
	if err != nil {
		o.TB.Fatal(err)
	}
	if r, err = cert.ParseRequest(text, kind, o.Authority.Chain, 0, o.Authority.Organisation); err != nil {
		o.TB.Fatal(err)
	}
	c, err := o.Authority.Issue(r, from, from.AddDate(0, 0, 1))
	if err != nil {
		o.TB.Fatal(err)
	}
	return c
}

// Shown returns what a node with that certificate shows.
func (o *Office) Shown(c *x509.Certificate, key *identity.Key) *tls.Certificate {
	o.TB.Helper()
	shown, err := transport.NewCertificate([]*x509.Certificate{c}, []*x509.Certificate{o.Authority.Certificate}, key)
	if err != nil {
		o.TB.Fatal(err)
	}
	return shown
}

// Node returns what a node shows.
func (o *Office) Node(id ledger.ID, key *identity.Key) *tls.Certificate {
	o.TB.Helper()
	return o.Shown(o.Issue(cert.KindNode, id, key), key)
}

// Book is addresses that change.
type Book struct {
	mu    sync.Mutex
	nodes map[ledger.ID]string
}

// Address implements [transport.Addresses].
func (b *Book) Address(node ledger.ID) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	address, ok := b.nodes[node]
	return address, ok
}

// Set says where a node may be reached, nowhere if the address is empty.
func (b *Book) Set(node ledger.ID, address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.nodes == nil {
		b.nodes = map[ledger.ID]string{}
	}
	if b.nodes[node] = address; address == "" {
		delete(b.nodes, node)
	}
}

// Listen opens a port of this machine.
func Listen(tb testing.TB) net.Listener {
	tb.Helper()
	l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return l
}
