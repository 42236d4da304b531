package cert

import (
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/url"
	"time"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// backdate is how far back certificates begin to hold, for clocks that are
// late.
const backdate = 5 * time.Minute

// Authority issues certificates with one key.
type Authority struct {
	Certificate  *x509.Certificate
	Chain        ledger.Digest
	Organisation ledger.ID

	key    *identity.Key
	random io.Reader // serial numbers
}

// Root is what the certificate of an authority says.
type Root struct {
	Chain        ledger.Digest
	Organisation ledger.ID
	Generation   int          // of its key, from 1
	DNS          []string     // domains that it may vouch for, with all below; none: localhost
	IPs          []*net.IPNet // addresses that it may vouch for; none: loopback
	From, Until  time.Time
}

// NewRoot returns the certificate of an authority that vouches for itself.
func NewRoot(root Root, key *identity.Key, random io.Reader) (*x509.Certificate, error) {
	for _, dns := range root.DNS {
		if !validDNS(dns) {
			return nil, fmt.Errorf("%w: %.60q is no DNS name", ErrMalformed, dns)
		}
	}
	if len(root.DNS) == 0 {
		root.DNS = []string{"localhost"}
	}
	if len(root.IPs) == 0 {
		root.IPs = []*net.IPNet{
			{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
			{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
		}
	}
	serial, err := newSerial(random)
	if err != nil {
		return nil, err
	}
	public := key.Public()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject: pkix.Name{
			CommonName: fmt.Sprintf("Librum CA %s %d", root.Organisation.Short(), root.Generation), Organization: []string{root.Organisation.String()},
		},
		NotBefore: root.From.Add(-backdate), NotAfter: root.Until,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true, IsCA: true, MaxPathLen: 1, // a cross-certificate of the next key
		SubjectKeyId:                keyIdentifier(public),
		URIs:                        []*url.URL{name{chain: root.Chain, id: root.Organisation}.uri()},
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: root.DNS, PermittedIPRanges: root.IPs,
		PermittedURIDomains: []string{host(root.Chain)},
	}
	return sign(template, template, public, key)
}

// keyIdentifier is the first 160 bits of the key's id (RFC 7093 §2).
func keyIdentifier(key ledger.PublicKey) []byte { id := key.ID(); return id[:20] }

func newSerial(random io.Reader) (*big.Int, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	b[0] = b[0]&0x7f | 0x40 // positive, and always 16 bytes
	return new(big.Int).SetBytes(b[:]), nil
}

func sign(template, parent *x509.Certificate, public ledger.PublicKey, key *identity.Key) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(nil, template, parent, ed25519.PublicKey(public[:]), key.Signer())
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// NewAuthority returns the authority of a certificate and its key.
func NewAuthority(c *x509.Certificate, key *identity.Key, random io.Reader) (*Authority, error) {
	id, public, chain, err := Identity(c)
	switch {
	case err != nil:
		return nil, err
	case !c.IsCA || id.IsZero():
		return nil, fmt.Errorf("%w: no authority's", ErrKind)
	case public != key.Public():
		return nil, errors.New("the key is not that of the authority's certificate")
	}
	return &Authority{Certificate: c, Chain: chain, Organisation: id, key: key, random: random}, nil
}

// Vouch returns a certificate of another key of the same authority: with it
// whoever trusts this key trusts that one.
func (a *Authority) Vouch(next *x509.Certificate) (*x509.Certificate, error) {
	id, public, chain, err := Identity(next)
	switch {
	case err != nil:
		return nil, err
	case !next.IsCA || id != a.Organisation || chain != a.Chain:
		return nil, fmt.Errorf("%w: not the next one of this authority", ErrKind)
	}
	serial, err := newSerial(a.random)
	if err != nil {
		return nil, err
	}
	template := *next
	template.SerialNumber, template.AuthorityKeyId = serial, a.Certificate.SubjectKeyId
	template.NotAfter = earlier(next.NotAfter, a.Certificate.NotAfter)
	template.MaxPathLen, template.MaxPathLenZero = 0, true
	return sign(&template, a.Certificate, public, a.key)
}

// Issue returns the certificate that the request asks for (invariant 2).
func (a *Authority) Issue(r *Request, from, until time.Time) (*x509.Certificate, error) {
	if r.Chain != a.Chain || r.Organisation != a.Organisation {
		return nil, fmt.Errorf("issue a certificate: %w", ErrWrongChain)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	serial, err := newSerial(a.random)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: r.commonName(), Organization: []string{a.Organisation.String()}},
		NotBefore: from.Add(-backdate), NotAfter: earlier(until, a.Certificate.NotAfter),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: r.Kind.usage(),
		BasicConstraintsValid: true, SubjectKeyId: keyIdentifier(r.Key), AuthorityKeyId: a.Certificate.SubjectKeyId,
		URIs: []*url.URL{name{chain: r.Chain, id: r.ID}.uri()}, DNSNames: r.DNS, IPAddresses: r.IPs,
	}
	c, err := sign(template, a.Certificate, r.Key, a.key)
	if err != nil {
		return nil, err
	}
	// What lies beyond the constraints would be refused by everybody.
	roots := x509.NewCertPool()
	roots.AddCert(a.Certificate)
	if _, err := c.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: from, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	return c, nil
}

func (k Kind) usage() []x509.ExtKeyUsage {
	switch k {
	case KindMember:
		return []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	case KindServer:
		return []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	default:
		return []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Revocation is a certificate that counts no more.
type Revocation struct {
	Serial *big.Int
	At     time.Time
}

// Revoke returns the list of all certificates that count no more, in PEM.
func (a *Authority) Revoke(list []Revocation, number int64, from, until time.Time) ([]byte, error) {
	template := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: from.Add(-backdate), NextUpdate: until}
	for _, r := range list {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: r.Serial, RevocationTime: r.At})
	}
	der, err := x509.CreateRevocationList(nil, template, a.Certificate, a.key.Signer())
	if err != nil {
		return nil, fmt.Errorf("sign the list of revoked certificates: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: typeRevocation, Bytes: der}), nil
}
