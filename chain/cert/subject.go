package cert

import (
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// Kind says what a certificate is for.
type Kind string

// The kinds of certificates.
const (
	KindMember Kind = "member" // a person or organisation that signs transactions; a client of TLS
	KindNode   Kind = "node"   // a ledger machine; server and client of TLS
	KindServer Kind = "server" // a server of TLS without an identity on the ledger
)

// Why a certificate is not believed.
var (
	ErrForeign    = errors.New("no authority that is trusted here has issued the certificate")
	ErrExpired    = errors.New("the certificate has expired, or does not hold yet")
	ErrRevoked    = errors.New("the certificate was revoked")
	ErrWrongChain = errors.New("the certificate is for another chain")
	ErrWeakKey    = errors.New("the key is no Ed25519 key that is fit for enrolment")
	ErrKind       = errors.New("the certificate is for something else")
	ErrStaleList  = errors.New("the list of revoked certificates is out of date; get a new one from the authority")
	ErrMalformed  = errors.New("malformed")
)

const uriScheme = "librum"

// name is what the URI of a certificate says.
type name struct {
	chain ledger.Digest
	id    ledger.ID // zero for servers
}

func (n name) uri() *url.URL {
	u := &url.URL{Scheme: uriScheme, Host: host(n.chain)}
	if !n.id.IsZero() {
		u.Path = "/" + n.id.String()
	}
	return u
}

// host is a chain's id in two labels, since one of DNS has at most 63
// characters; as a host it can be constrained (RFC 5280 §4.2.1.10).
func host(chain ledger.Digest) string {
	s := chain.String()
	return s[:len(s)/2] + "." + s[len(s)/2:]
}

// nameIn returns what the one librum URI says. Certificates of others have
// none, which found tells.
func nameIn(uris []*url.URL) (n name, found bool, err error) {
	for _, u := range uris {
		if u.Scheme != uriScheme {
			continue
		}
		if found {
			return n, true, fmt.Errorf("%w: two URIs of scheme %s", ErrMalformed, uriScheme)
		}
		found = true
		if n.chain, err = ledger.ParseDigest(strings.Replace(u.Host, ".", "", 1)); err != nil {
			return n, true, fmt.Errorf("%w: the URI %.120q names no chain", ErrMalformed, u)
		}
		if id, named := strings.CutPrefix(u.Path, "/"); named {
			if n.id, err = ledger.ParseID(id); err != nil || n.id.IsZero() {
				return n, true, fmt.Errorf("%w: the URI %.120q names no id", ErrMalformed, u)
			}
		}
		if n.uri().String() != u.String() {
			return n, true, fmt.Errorf("%w: the URI %.120q is not in its one form", ErrMalformed, u)
		}
	}
	return n, found, nil
}

// publicKey returns the Ed25519 key of a certificate or request (invariant 1).
func publicKey(key any) (ledger.PublicKey, error) {
	public, ok := key.(ed25519.PublicKey)
	if !ok || len(public) != ed25519.PublicKeySize {
		return ledger.PublicKey{}, fmt.Errorf("%w: it is a %T", ErrWeakKey, key)
	}
	if err := identity.CheckEnrolment(ledger.PublicKey(public)); err != nil {
		return ledger.PublicKey{}, fmt.Errorf("%w: %w", ErrWeakKey, err)
	}
	return ledger.PublicKey(public), nil
}

// Identity returns whose certificate it is: id, key and chain. It checks the
// certificate's form, not who has issued it.
func Identity(c *x509.Certificate) (id ledger.ID, key ledger.PublicKey, chain ledger.Digest, err error) {
	n, found, err := nameIn(c.URIs)
	if err == nil && !found {
		err = fmt.Errorf("%w: the certificate names no chain", ErrWrongChain)
	}
	if err != nil {
		return id, key, chain, err
	}
	key, err = publicKey(c.PublicKey)
	return n.id, key, n.chain, err
}
