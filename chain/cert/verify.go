package cert

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/librum/librum/chain/ledger"
)

// Bounds of files of certificates and of revoked ones.
const (
	MaxFileBytes   = 1 << 20
	MaxListBytes   = 16 << 20
	maxCertificate = 256 // in one file
)

// ParseCertificates reads the certificates of a file in PEM.
func ParseCertificates(text []byte) ([]*x509.Certificate, error) {
	if len(text) > MaxFileBytes {
		return nil, fmt.Errorf("read certificates: %w: %d bytes, at most %d are allowed", ErrMalformed, len(text), MaxFileBytes)
	}
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != typeCertificate {
			return nil, fmt.Errorf("read certificates: %w: a PEM block of type %.40q", ErrMalformed, block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read certificates: %w: %w", ErrMalformed, err)
		}
		if all = append(all, c); len(all) > maxCertificate {
			return nil, fmt.Errorf("read certificates: %w: more than %d", ErrMalformed, maxCertificate)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("read certificates: %w: none in PEM", ErrMalformed)
	}
	return all, nil
}

// Marshal returns certificates in PEM.
func Marshal(all ...*x509.Certificate) []byte {
	var text bytes.Buffer
	for _, c := range all {
		text.Write(pem.EncodeToMemory(&pem.Block{Type: typeCertificate, Bytes: c.Raw}))
	}
	return text.Bytes()
}

// Revoked is the certificates that count no more.
type Revoked struct {
	serials map[revokedSerial]bool
	until   time.Time // the earliest of the lists'
}

// revokedSerial is a serial number, which is unique within its authority alone
// (RFC 5280 §4.1.2.2): nobody's list speaks of what others have issued.
type revokedSerial struct{ authority, serial string }

func serialOf(issuer *x509.Certificate, serial *big.Int) revokedSerial {
	authority := string(issuer.RawSubject)
	if n, found, err := nameIn(issuer.URIs); err == nil && found {
		authority = n.uri().String() // the same for all its keys
	}
	return revokedSerial{authority, string(serial.Bytes())}
}

// ParseRevoked reads a file of lists that the authorities have signed. A list by
// an authority's newest key covers what its older ones have issued.
func ParseRevoked(text []byte, authorities []*x509.Certificate) (*Revoked, error) {
	if len(text) > MaxListBytes {
		return nil, fmt.Errorf("read revoked certificates: %w: %d bytes, at most %d are allowed", ErrMalformed, len(text), MaxListBytes)
	}
	r := &Revoked{serials: map[revokedSerial]bool{}}
	for block, rest := pem.Decode(text); ; block, rest = pem.Decode(rest) {
		if block == nil && len(bytes.TrimSpace(rest)) == 0 && !r.until.IsZero() {
			return r, nil
		}
		if block == nil || block.Type != typeRevocation {
			return nil, fmt.Errorf("read revoked certificates: %w: want PEM blocks of type %q and nothing else", ErrMalformed, typeRevocation)
		}
		list, err := parseList(block)
		if err != nil {
			return nil, err
		}
		by := slices.IndexFunc(authorities, func(a *x509.Certificate) bool { return list.CheckSignatureFrom(a) == nil })
		if by < 0 {
			return nil, fmt.Errorf("read revoked certificates: %w", ErrForeign)
		}
		for _, e := range list.RevokedCertificateEntries {
			r.serials[serialOf(authorities[by], e.SerialNumber)] = true
		}
		if r.until.IsZero() || list.NextUpdate.Before(r.until) {
			r.until = list.NextUpdate
		}
	}
}

func parseList(block *pem.Block) (*x509.RevocationList, error) {
	list, err := x509.ParseRevocationList(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read revoked certificates: %w: %w", ErrMalformed, err)
	}
	return list, nil
}

// Join adds what other lists say; the earliest date of both holds.
func (r *Revoked) Join(other *Revoked) {
	maps.Copy(r.serials, other.serials)
	if other.until.Before(r.until) {
		r.until = other.until
	}
}

// Has reports whether the authority has revoked its certificate with the serial
// number.
func (r *Revoked) Has(issuer *x509.Certificate, serial *big.Int) bool {
	return r != nil && r.serials[serialOf(issuer, serial)]
}

// Verifier says whether certificates hold on a chain.
type Verifier struct {
	Chain   ledger.Digest       // zero: any, for those who don't know theirs yet
	Roots   []*x509.Certificate // authorities that are trusted
	Revoked *Revoked            // nil where no list is known
}

// Span is a time, both ends included.
type Span struct{ From, Until time.Time }

// Holds reports whether a moment lies in the span.
func (s Span) Holds(now time.Time) bool { return !now.Before(s.From) && !now.After(s.Until) }

// Verify checks a certificate with those that lead to its root. It is for the
// kind at that time, of this chain, and not revoked.
func (v *Verifier) Verify(chain []*x509.Certificate, kind Kind, now time.Time) error {
	_, err := v.VerifySpan(chain, kind, now)
	return err
}

// VerifySpan is Verify, and returns how long what it says holds, by the same roots
// and lists. It may hold for longer.
func (v *Verifier) VerifySpan(chain []*x509.Certificate, kind Kind, now time.Time) (Span, error) {
	if len(chain) == 0 {
		return Span{}, fmt.Errorf("%w: none is there", ErrMalformed)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range v.Roots {
		roots.AddCert(c)
	}
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	leaf := chain[0]
	id, _, of, err := Identity(leaf)
	switch {
	case err != nil:
		return Span{}, err
	case of != v.Chain && !v.Chain.IsZero():
		return Span{}, fmt.Errorf("%w: %s, this is %s", ErrWrongChain, of.Short(), v.Chain.Short())
	}
	paths, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: kind.usage()[:1]})
	if err != nil {
		return Span{}, verdict(err)
	}
	if leaf.IsCA {
		return Span{}, fmt.Errorf("%w: an authority's", ErrKind)
	}
	if (kind == KindServer) != id.IsZero() {
		return Span{}, fmt.Errorf("%w: want a %s's", ErrKind, kind)
	}
	return v.span(paths[0]), v.checkPath(paths[0], now)
}

// span is how long all certificates of a path count, and the list is not stale.
func (v *Verifier) span(path []*x509.Certificate) Span {
	s := Span{path[0].NotBefore, path[0].NotAfter}
	for _, c := range path[1:] {
		if c.NotBefore.After(s.From) {
			s.From = c.NotBefore
		}
		if c.NotAfter.Before(s.Until) {
			s.Until = c.NotAfter
		}
	}
	if v.Revoked != nil && v.Revoked.until.Before(s.Until) {
		s.Until = v.Revoked.until
	}
	return s
}

// verdict names what x509 says.
func verdict(err error) error {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch invalid.Reason { //nolint:exhaustive // the others are malformed ones
		case x509.Expired:
			return fmt.Errorf("%w: %w", ErrExpired, err)
		case x509.IncompatibleUsage:
			return fmt.Errorf("%w: %w", ErrKind, err)
		}
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

// checkPath checks what Librum adds to X.509: every certificate of the path that
// names a chain names this one, and none was revoked.
func (v *Verifier) checkPath(path []*x509.Certificate, now time.Time) error {
	for i, c := range path {
		n, found, err := nameIn(c.URIs)
		if err != nil {
			return err
		}
		if found && n.chain != v.Chain && !v.Chain.IsZero() {
			return fmt.Errorf("%w: %s, this is %s", ErrWrongChain, n.chain.Short(), v.Chain.Short())
		}
		if v.Revoked.Has(path[min(i+1, len(path)-1)], c.SerialNumber) {
			return fmt.Errorf("%w: serial number %x", ErrRevoked, c.SerialNumber)
		}
	}
	if v.Revoked != nil && now.After(v.Revoked.until) {
		return fmt.Errorf("%w: it was good until %s", ErrStaleList, v.Revoked.until.UTC().Format(time.RFC3339))
	}
	return nil
}

// VerifyConnection is for clients of TLS, in [tls.Config]: after the library has
// found a path to a root that is trusted, it checks what Librum adds. A server
// may have a certificate of somebody else's authority, which names no chain:
// then the proofs of tasks and blocks alone say which chain it is.
func (v *Verifier) VerifyConnection(now func() time.Time) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(state.VerifiedChains) == 0 {
			return ErrForeign
		}
		return v.checkPath(state.VerifiedChains[0], now())
	}
}
