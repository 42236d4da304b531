package cert

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// Bounds of a request.
const (
	MaxRequestBytes = 16 << 10
	maxNames        = 16
	maxDNSBytes     = 253 // RFC 1035 §2.3.4
)

// The types of PEM blocks.
const (
	typeRequest     = "CERTIFICATE REQUEST"
	typePossession  = "LIBRUM PROOF OF POSSESSION"
	typeCertificate = "CERTIFICATE"
	typeRevocation  = "X509 CRL"
)

// Request asks for a certificate.
type Request struct {
	Kind         Kind
	Chain        ledger.Digest
	Shard        uint32
	Organisation ledger.ID // whose authority is asked
	ID           ledger.ID // of the member or node; zero for servers
	Key          ledger.PublicKey
	Proof        [ledger.SignatureSize]byte // of possession; none for servers
	DNS          []string                   // of nodes and servers
	IPs          []net.IP
}

func (r *Request) possession() *ledger.Possession {
	return &ledger.Possession{
		Version: ledger.Version, Chain: r.Chain, Shard: r.Shard, Organisation: r.Organisation, Member: r.ID, Key: r.Key,
	}
}

// MarshalRequest signs the request with its key and returns it in PEM: PKCS #10
// (RFC 2986), and the proof of possession for the ledger. It fills in key and
// proof.
func (r *Request) MarshalRequest(key *identity.Key) ([]byte, error) {
	r.Key = key.Public()
	if err := r.check(); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificateRequest(nil, &x509.CertificateRequest{
		Subject:  pkix.Name{CommonName: r.commonName()},
		URIs:     []*url.URL{name{chain: r.Chain, id: r.ID}.uri()},
		DNSNames: r.DNS, IPAddresses: r.IPs,
	}, key.Signer())
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: typeRequest, Bytes: der})
	if r.Kind == KindServer {
		return text, nil
	}
	if r.Proof, err = r.possession().Sign(key.Sign); err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	return append(text, pem.EncodeToMemory(&pem.Block{Type: typePossession, Bytes: r.Proof[:]})...), nil
}

func (r *Request) commonName() string {
	if r.Kind == KindServer {
		return "Librum server"
	}
	return r.ID.String()
}

// ParseRequest reads a request of the kind for the organisation's authority on
// the chain. Its key has signed all of it.
func ParseRequest(text []byte, kind Kind, chain ledger.Digest, shard uint32, organisation ledger.ID) (*Request, error) {
	r, err := parseRequest(text, kind, chain, shard, organisation)
	if err != nil {
		return nil, fmt.Errorf("read a request: %w", err)
	}
	return r, nil
}

func parseRequest(text []byte, kind Kind, chain ledger.Digest, shard uint32, organisation ledger.ID) (*Request, error) {
	if len(text) > MaxRequestBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrMalformed, len(text), MaxRequestBytes)
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != typeRequest {
		return nil, fmt.Errorf("%w: want a PEM block of type %q", ErrMalformed, typeRequest)
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	r := &Request{Kind: kind, Chain: chain, Shard: shard, Organisation: organisation, DNS: csr.DNSNames, IPs: csr.IPAddresses}
	if r.Key, err = publicKey(csr.PublicKey); err != nil {
		return nil, err
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("%w: the request is not signed by its key", ErrMalformed)
	}
	n, found, err := nameIn(csr.URIs)
	switch {
	case err != nil:
		return nil, err
	case !found || n.chain != chain:
		return nil, fmt.Errorf("%w: the request is not for chain %s", ErrWrongChain, chain)
	case len(csr.URIs) > 1 || len(csr.EmailAddresses) > 0:
		return nil, fmt.Errorf("%w: a request names one URI and no mail address", ErrMalformed)
	}
	r.ID = n.id
	if kind != KindServer {
		proof, after := pem.Decode(rest)
		if proof == nil || proof.Type != typePossession || len(proof.Bytes) != ledger.SignatureSize {
			return nil, fmt.Errorf("%w: want a second PEM block of type %q with %d bytes", ErrMalformed, typePossession, ledger.SignatureSize)
		}
		r.Proof, rest = [ledger.SignatureSize]byte(proof.Bytes), after
		if !r.possession().Proven(identity.Verify, r.Proof) {
			return nil, fmt.Errorf("%w: the proof of possession is not the key's for member %s of organisation %s", ErrMalformed, r.ID, organisation)
		}
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%w: something stands behind the request", ErrMalformed)
	}
	return r, r.check()
}

// check refuses names that do not fit the kind.
func (r *Request) check() error {
	named := len(r.DNS) + len(r.IPs)
	switch {
	case r.Kind != KindMember && r.Kind != KindNode && r.Kind != KindServer:
		return fmt.Errorf("%w: kind %.20q", ErrKind, r.Kind)
	case (r.Kind == KindServer) != r.ID.IsZero():
		return fmt.Errorf("%w: a %s and id %s", ErrKind, r.Kind, r.ID)
	case r.Kind == KindMember && named > 0:
		return fmt.Errorf("%w: a member has no DNS name or address", ErrKind)
	case r.Kind != KindMember && (named == 0 || named > maxNames):
		return fmt.Errorf("%w: a %s has 1 to %d DNS names and addresses, this one %d", ErrKind, r.Kind, maxNames, named)
	}
	for _, dns := range r.DNS {
		if !validDNS(dns) {
			return fmt.Errorf("%w: %.60q is no DNS name", ErrMalformed, dns)
		}
	}
	for _, ip := range r.IPs {
		if ip.IsUnspecified() || ip.IsMulticast() {
			return fmt.Errorf("%w: %s is no server's address", ErrMalformed, ip)
		}
	}
	return nil
}

// validDNS allows names of letters, digits and hyphens; no wildcards, which
// vouch for more than anybody has looked at.
func validDNS(s string) bool {
	if len(s) == 0 || len(s) > maxDNSBytes {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	return true
}
