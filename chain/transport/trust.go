package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc/credentials"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// Why a node is not believed, beside what package cert says.
var (
	// ErrOutside: the node is not in the group in force.
	ErrOutside = errors.New("it is no node of the group in force")
	// ErrSuspended: the node is suspended.
	ErrSuspended = errors.New("the node is suspended")
	// ErrKey: the certificate is for another key than the ledger lists.
	ErrKey = errors.New("the certificate is for another key than the one in force for the node")
	// ErrOther: another node answers than the one that was called.
	ErrOther = errors.New("another node answers")
)

// maxChain bounds the certificates that somebody shows.
const maxChain = 8

// NewCertificate returns what a node shows of itself: its certificate, the
// cross-certificates that came with it, and the authority that the ledger lists.
func NewCertificate(issued, authorities []*x509.Certificate, key *identity.Key) (*tls.Certificate, error) {
	if len(issued) == 0 {
		return nil, fmt.Errorf("make the certificate of a node: %w: none is there", cert.ErrMalformed)
	}
	_, public, _, err := cert.Identity(issued[0])
	if err == nil && public != key.Public() {
		err = errors.New("the key is not that of the certificate")
	}
	if err != nil {
		return nil, fmt.Errorf("make the certificate of a node: %w", err)
	}
	shown := append(slices.Clip(issued), authorities...)
	if len(shown) > maxChain {
		return nil, fmt.Errorf("make the certificate of a node: %d certificates with those of its authority, at most %d are shown", len(shown), maxChain)
	}
	c := &tls.Certificate{PrivateKey: key.Signer(), Leaf: issued[0]}
	for _, each := range shown {
		c.Certificate = append(c.Certificate, each.Raw)
	}
	return c, nil
}

// claims reports what is wrong with certificates whose key nobody has shown to hold
// yet. It reads nothing of the ledger for them and checks no signature: of who
// passes, the handshake wants a signature by a key that the ledger lists, and then
// identify says whether he is believed.
func (t *Transport) claims(shown []*x509.Certificate) error {
	of := t.ledger.Load()
	if of == nil {
		return ErrNotRunning
	}
	id, key, err := leafOf(shown)
	if err != nil {
		return err
	}
	says, err := t.knowledge.of(of)
	if err != nil {
		return err
	}
	member, err := says.speaks(id)
	if err == nil && member.Key != key {
		err = ErrKey
	}
	if err != nil {
		return fmt.Errorf("node %s: %w", id.Short(), err)
	}
	return nil
}

func leafOf(shown []*x509.Certificate) (id ledger.ID, key ledger.PublicKey, err error) {
	if len(shown) == 0 || len(shown) > maxChain {
		return id, key, fmt.Errorf("%w: %d certificates, want 1 to %d", cert.ErrMalformed, len(shown), maxChain)
	}
	id, key, _, err = cert.Identity(shown[0])
	return id, key, err
}

// Others returns the other nodes that may speak, as the ledger says; none before
// Run.
func (t *Transport) Others() []ledger.ID {
	of := t.ledger.Load()
	if of == nil {
		return nil
	}
	says, err := t.knowledge.of(of)
	if err != nil {
		t.refused("member of the group", err)
		return nil
	}
	var others []ledger.ID
	for _, n := range says.group.Nodes {
		if n.Node != t.config.Self && !says.isSuspended(n.Node) {
			others = append(others, n.Node)
		}
	}
	return others
}

// own returns the certificate to show: of the key in force, else the first.
func (t *Transport) own() (*tls.Certificate, error) {
	all := t.config.Certificates()
	if len(all) == 0 {
		return nil, errors.New("this node has no certificate")
	}
	var inForce ledger.GroupNode
	if of := t.ledger.Load(); of != nil {
		says, err := t.knowledge.of(of)
		if err == nil {
			inForce, err = says.speaks(t.config.Self)
		}
		if err != nil {
			return all[0], nil //nolint:nilerr // the others say why they don't believe it
		}
	}
	for _, c := range all {
		if _, key, _, err := cert.Identity(c.Leaf); err == nil && key == inForce.Key {
			return c, nil
		}
	}
	return all[0], nil
}

func (t *Transport) serverTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true, // each handshake is checked
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return t.own() },
		ClientAuth:     tls.RequireAnyClientCert,
		VerifyConnection: func(state tls.ConnectionState) error { // before CertificateVerify
			err := t.claims(state.PeerCertificates)
			if err != nil {
				t.refused("caller", err)
			}
			return err
		},
	}
}

func (t *Transport) clientTLS(to ledger.ID) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return t.own() },
		// The library would look for a DNS name. A node is known by its id and key.
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection checks more than the library
		VerifyConnection: func(state tls.ConnectionState) error {
			id, err := t.believe(&link{TLSInfo: credentials.TLSInfo{State: state}})
			if err == nil && id != to {
				err = fmt.Errorf("%w: %s, not %s", ErrOther, id.Short(), to.Short())
			}
			if err != nil {
				t.refused("callee", err)
			}
			return err
		},
	}
}
