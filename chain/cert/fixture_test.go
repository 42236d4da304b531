package cert_test

import (
	"crypto/x509"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

var (
	chain        = ledger.Digest{1}
	organisation = ledger.ID{2}
	member       = ledger.ID{3}
	now          = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

func key(i byte) *identity.Key { return identity.KeyFromSeed([32]byte{i}) }

func random(i byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{i}) }

func root(i int) cert.Root {
	return cert.Root{
		Chain: chain, Organisation: organisation, Generation: i, DNS: []string{"example.org"},
		From: now, Until: now.AddDate(10, 0, 0),
	}
}

func authority(t testing.TB, r cert.Root, k *identity.Key) *cert.Authority {
	t.Helper()
	c, err := cert.NewRoot(r, k, random(byte(r.Generation)))
	if err != nil {
		t.Fatal(err)
	}
	a, err := cert.NewAuthority(c, k, random(100+byte(r.Generation)))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func requested(t testing.TB, kind cert.Kind, k *identity.Key) *cert.Request {
	t.Helper()
	text := requestText(t, kind, k)
	r, err := cert.ParseRequest(text, kind, chain, 0, organisation)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func requestText(t testing.TB, kind cert.Kind, k *identity.Key) []byte {
	t.Helper()
	r := &cert.Request{Kind: kind, Chain: chain, Organisation: organisation}
	if kind != cert.KindServer {
		r.ID = member
	}
	if kind != cert.KindMember {
		r.DNS, r.IPs = []string{"node.example.org"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	text, err := r.MarshalRequest(k)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func issued(t testing.TB, a *cert.Authority, kind cert.Kind, k *identity.Key) *x509.Certificate {
	t.Helper()
	c, err := a.Issue(requested(t, kind, k), now, now.AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
