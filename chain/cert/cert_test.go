package cert_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/ledger"
)

func TestIssueAndVerify(t *testing.T) {
	t.Parallel()
	a := authority(t, root(1), key(1))
	v := cert.Verifier{Chain: chain, Roots: []*x509.Certificate{a.Certificate}}
	kinds := []cert.Kind{cert.KindMember, cert.KindNode, cert.KindServer}
	for i, kind := range kinds {
		k := key(byte(10 + i))
		c := issued(t, a, kind, k)
		if err := v.Verify([]*x509.Certificate{c}, kind, now); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		id, public, of, err := cert.Identity(c)
		if err != nil || public != k.Public() || of != chain || id.IsZero() != (kind == cert.KindServer) {
			t.Errorf("%s: %s, %x, %s, %v", kind, id, public, of, err)
		}
		for _, other := range kinds {
			may := other == kind || kind == cert.KindNode && other == cert.KindMember // a node is a member as well
			if err := v.Verify([]*x509.Certificate{c}, other, now); (err == nil) != may {
				t.Errorf("a %s's certificate as that of a %s: %v", kind, other, err)
			}
		}
	}
	long, err := a.Issue(requested(t, cert.KindMember, key(20)), now, now.AddDate(100, 0, 0))
	if err != nil || long.NotAfter.After(a.Certificate.NotAfter) {
		t.Errorf("a certificate outlives its authority: %s, %v", long.NotAfter, err)
	}
}

// TestForgeries: what was not issued here, for this chain and now, is not
// believed, and the error says which.
func TestForgeries(t *testing.T) {
	t.Parallel()
	a, stranger := authority(t, root(1), key(1)), authority(t, root(1), key(2))
	elsewhere := root(1)
	elsewhere.Chain = ledger.Digest{9}
	v := cert.Verifier{Chain: chain, Roots: []*x509.Certificate{a.Certificate}}
	good := issued(t, a, cert.KindMember, key(10))

	otherChain := cert.Verifier{Chain: ledger.Digest{9}, Roots: v.Roots}
	text, err := a.Revoke([]cert.Revocation{{Serial: good.SerialNumber, At: now}}, 1, now, now.AddDate(0, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	revoked := v
	if revoked.Revoked, err = cert.ParseRevoked(text, v.Roots); err != nil {
		t.Fatal(err)
	}
	weakKey := ed25519.PublicKey(append([]byte{1}, make([]byte, 31)...))
	bent := func(change func(*x509.Certificate), public any, by *cert.Authority, with byte) *x509.Certificate {
		c := template(good)
		change(c)
		parent := *by.Certificate // whoever signs says what it likes about itself
		parent.PublicKey = key(with).Signer().Public()
		der, err := x509.CreateCertificate(rand.Reader, c, &parent, public, key(with).Signer())
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	none := func(*x509.Certificate) {}
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	own := good.PublicKey
	for name, tt := range map[string]struct {
		verifier cert.Verifier
		leaf     *x509.Certificate
		at       time.Time
		want     error
	}{
		"good":                     {v, good, now, nil},
		"a foreign authority":      {v, issued(t, stranger, cert.KindMember, key(10)), now, cert.ErrForeign},
		"a foreign key, our names": {v, bent(none, own, a, 2), now, cert.ErrForeign},
		"itself":                   {v, stranger.Certificate, now, cert.ErrForeign},
		"expired":                  {v, good, now.AddDate(1, 0, 1), cert.ErrExpired},
		"not yet":                  {v, good, now.AddDate(0, 0, -1), cert.ErrExpired},
		"revoked":                  {revoked, good, now, cert.ErrRevoked},
		"a stale list":             {revoked, issued(t, a, cert.KindMember, key(11)), now.AddDate(0, 2, 0), cert.ErrStaleList},
		"another chain":            {otherChain, good, now, cert.ErrWrongChain},
		"a leaf of another chain":  {v, bent(uris(uri(elsewhere.Chain, member)), own, a, 1), now, cert.ErrWrongChain},
		"no chain":                 {v, bent(uris(), own, a, 1), now, cert.ErrWrongChain},
		"two chains":               {v, bent(uris(uri(chain, member), uri(chain, ledger.ID{})), own, a, 1), now, cert.ErrMalformed},
		"a weak key":               {v, bent(none, weakKey, a, 1), now, cert.ErrWeakKey},
		"a key of another kind":    {v, bent(none, ecdsaKey.Public(), a, 1), now, cert.ErrWeakKey},
		"a server's":               {v, issued(t, a, cert.KindServer, key(12)), now, cert.ErrKind},
		"the authority's own":      {v, a.Certificate, now, cert.ErrKind},
	} {
		err := tt.verifier.Verify([]*x509.Certificate{tt.leaf}, cert.KindMember, tt.at)
		if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if _, err := cert.ParseRevoked(text, []*x509.Certificate{stranger.Certificate}); !errors.Is(err, cert.ErrForeign) {
		t.Errorf("a list of another authority: %v", err)
	}
	lists := append(append([]byte{}, text...), text...)
	if r, err := cert.ParseRevoked(lists, v.Roots); err != nil || !r.Has(a.Certificate, good.SerialNumber) || r.Has(a.Certificate, big.NewInt(1)) {
		t.Errorf("a file of two lists: %v", err)
	}
}

// TestListsJoin holds that lists of several files count together, and that the one
// that runs out first says when.
func TestListsJoin(t *testing.T) {
	t.Parallel()
	a := authority(t, root(1), key(1))
	first, second := issued(t, a, cert.KindMember, key(10)), issued(t, a, cert.KindMember, key(11))
	parse := func(leaf *x509.Certificate, number int64, until time.Time) *cert.Revoked {
		text, err := a.Revoke([]cert.Revocation{{Serial: leaf.SerialNumber, At: now}}, number, now, until)
		if err != nil {
			t.Fatal(err)
		}
		list, err := cert.ParseRevoked(text, []*x509.Certificate{a.Certificate})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	for _, days := range [][2]int{{30, 10}, {10, 30}} {
		all := parse(first, 1, now.AddDate(0, 0, days[0]))
		all.Join(parse(second, 2, now.AddDate(0, 0, days[1])))
		v := cert.Verifier{Chain: chain, Roots: []*x509.Certificate{a.Certificate}, Revoked: all}
		for _, leaf := range []*x509.Certificate{first, second} {
			if err := v.Verify([]*x509.Certificate{leaf}, cert.KindMember, now); !errors.Is(err, cert.ErrRevoked) {
				t.Errorf("a revoked certificate: %v", err)
			}
		}
		good := issued(t, a, cert.KindMember, key(12))
		if err := v.Verify([]*x509.Certificate{good}, cert.KindMember, now.AddDate(0, 0, 9)); err != nil {
			t.Errorf("both lists are in date: %v", err)
		}
		if err := v.Verify([]*x509.Certificate{good}, cert.KindMember, now.AddDate(0, 0, 11)); !errors.Is(err, cert.ErrStaleList) {
			t.Errorf("one list is out of date: %v", err)
		}
	}
}

// TestListsSpeakOfTheirOwn: a serial number is unique within its authority
// alone, so another's list does not end a certificate that has the same one.
func TestListsSpeakOfTheirOwn(t *testing.T) {
	t.Parallel()
	mine := authority(t, root(1), key(1))
	other := root(1)
	other.Organisation = ledger.ID{99}
	theirs := authority(t, other, key(2))
	roots := []*x509.Certificate{mine.Certificate, theirs.Certificate}
	good := issued(t, mine, cert.KindMember, key(10))
	for by, want := range map[*cert.Authority]error{mine: cert.ErrRevoked, theirs: nil} {
		text, err := by.Revoke([]cert.Revocation{{Serial: good.SerialNumber, At: now}}, 1, now, now.AddDate(0, 1, 0))
		if err != nil {
			t.Fatal(err)
		}
		revoked, err := cert.ParseRevoked(text, roots)
		if err != nil {
			t.Fatal(err)
		}
		v := cert.Verifier{Chain: chain, Roots: roots, Revoked: revoked}
		if err := v.Verify([]*x509.Certificate{good}, cert.KindMember, now); !errors.Is(err, want) {
			t.Errorf("a list of %s: %v, want %v", by.Organisation, err, want)
		}
	}
}

func template(c *x509.Certificate) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: c.SerialNumber, Subject: c.Subject, NotBefore: c.NotBefore, NotAfter: c.NotAfter, KeyUsage: c.KeyUsage,
		ExtKeyUsage: c.ExtKeyUsage, URIs: c.URIs, BasicConstraintsValid: true,
	}
}

func uri(chain ledger.Digest, id ledger.ID) string {
	s := "librum://" + chain.String()[:32] + "." + chain.String()[32:]
	if !id.IsZero() {
		s += "/" + id.String()
	}
	return s
}

func uris(list ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.URIs = nil
		for _, s := range list {
			u, err := url.Parse(s)
			if err != nil {
				panic(err)
			}
			c.URIs = append(c.URIs, u)
		}
	}
}

// TestRotationKeepsTrust: whoever trusts the old key of an authority believes
// what the new one issues, by the certificate between; and the other way round.
func TestRotationKeepsTrust(t *testing.T) {
	t.Parallel()
	old, next := authority(t, root(1), key(1)), authority(t, root(2), key(2))
	cross, err := old.Vouch(next.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	before, after := issued(t, old, cert.KindServer, key(10)), issued(t, next, cert.KindServer, key(11))
	onlyOld := cert.Verifier{Chain: chain, Roots: []*x509.Certificate{old.Certificate}}
	onlyNew := cert.Verifier{Chain: chain, Roots: []*x509.Certificate{next.Certificate}}
	if err := onlyOld.Verify([]*x509.Certificate{after, cross}, cert.KindServer, now); err != nil {
		t.Errorf("the new key's, to who knows the old: %v", err)
	}
	if err := onlyOld.Verify([]*x509.Certificate{after}, cert.KindServer, now); !errors.Is(err, cert.ErrForeign) {
		t.Errorf("without the certificate between: %v", err)
	}
	if err := onlyNew.Verify([]*x509.Certificate{after, cross}, cert.KindServer, now); err != nil {
		t.Errorf("the new key's, to who knows the new: %v", err)
	}
	if err := onlyNew.Verify([]*x509.Certificate{before}, cert.KindServer, now); !errors.Is(err, cert.ErrForeign) {
		t.Errorf("the old key's, to who knows the new alone: %v", err)
	}
	other := root(2)
	other.Organisation = ledger.ID{77}
	if _, err := old.Vouch(authority(t, other, key(3)).Certificate); !errors.Is(err, cert.ErrKind) {
		t.Errorf("vouched for another organisation: %v", err)
	}
	// A member's certificate issues nothing.
	leaf := issued(t, old, cert.KindMember, key(12))
	if _, err := cert.NewAuthority(leaf, key(12), random(1)); !errors.Is(err, cert.ErrKind) {
		t.Errorf("a member became an authority: %v", err)
	}
}

func TestNameConstraints(t *testing.T) {
	t.Parallel()
	a := authority(t, root(1), key(1))
	plain := root(1)
	plain.DNS = nil
	local := authority(t, plain, key(1))
	for _, tt := range []struct {
		by  *cert.Authority
		dns string
		ip  string
		ok  bool
	}{
		{a, "example.org", "", true},
		{a, "a.b.example.org", "", true},
		{a, "example.com", "", false},
		{a, "notexample.org", "", false},
		{a, "example.org", "127.0.0.5", true},
		{a, "example.org", "10.0.0.1", false},
		{local, "localhost", "127.0.0.1", true},
		{local, "localhost", "::1", true},
		{local, "example.org", "", false},
		{local, "localhost", "192.168.0.1", false},
	} {
		r := &cert.Request{Kind: cert.KindServer, Chain: chain, Organisation: organisation, DNS: []string{tt.dns}}
		if tt.ip != "" {
			r.IPs = []net.IP{net.ParseIP(tt.ip)}
		}
		text, err := r.MarshalRequest(key(10))
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := cert.ParseRequest(text, cert.KindServer, chain, 0, organisation)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tt.by.Issue(parsed, now, now.AddDate(1, 0, 0)); (err == nil) != tt.ok {
			t.Errorf("%s %s: %v", tt.dns, tt.ip, err)
		}
	}
}

// weakSigner has a key of small order, under which one signature holds for all
// messages.
type weakSigner struct{}

func (weakSigner) Public() crypto.PublicKey {
	return ed25519.PublicKey(append([]byte{1}, make([]byte, 31)...))
}

func (weakSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return append([]byte{1}, make([]byte, 63)...), nil
}

func TestHostileRequests(t *testing.T) {
	t.Parallel()
	good := string(requestText(t, cert.KindMember, key(10)))
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := func(signer crypto.Signer, change func(*x509.CertificateRequest)) string {
		u, _ := url.Parse(uri(chain, member))
		template := &x509.CertificateRequest{URIs: []*url.URL{u}}
		if change != nil {
			change(template)
		}
		der, err := x509.CreateCertificateRequest(rand.Reader, template, signer)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	}
	csr, proof, _ := strings.Cut(good, "-----BEGIN LIBRUM")
	proof = "-----BEGIN LIBRUM" + proof
	other := string(requestText(t, cert.KindMember, key(11)))
	_, otherProof, _ := strings.Cut(other, "-----BEGIN LIBRUM")
	block, _ := pem.Decode([]byte(csr))
	flipped := append([]byte{}, block.Bytes...)
	flipped[len(flipped)-1] ^= 1
	for name, tt := range map[string]struct {
		text string
		want error
	}{
		"nothing":               {"", cert.ErrMalformed},
		"no PEM":                {"request", cert.ErrMalformed},
		"too long":              {good + strings.Repeat("\n", cert.MaxRequestBytes), cert.ErrMalformed},
		"another type":          {strings.ReplaceAll(good, "CERTIFICATE REQUEST", "CERTIFICATE"), cert.ErrMalformed},
		"no proof":              {csr, cert.ErrMalformed},
		"another key's proof":   {csr + "-----BEGIN LIBRUM" + otherProof, cert.ErrMalformed},
		"something behind":      {good + "x", cert.ErrMalformed},
		"a third block":         {good + proof, cert.ErrMalformed},
		"a broken signature":    {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: flipped})) + proof, cert.ErrMalformed},
		"a weak key":            {made(weakSigner{}, nil) + proof, cert.ErrWeakKey},
		"a key of another kind": {made(ecdsaKey, nil) + proof, cert.ErrWeakKey},
		"no URI":                {made(key(10).Signer(), func(r *x509.CertificateRequest) { r.URIs = nil }) + proof, cert.ErrWrongChain},
		"another chain": {made(key(10).Signer(), func(r *x509.CertificateRequest) {
			r.URIs[0], _ = url.Parse(uri(ledger.Digest{9}, member))
		}) + proof, cert.ErrWrongChain},
		"another URI beside": {made(key(10).Signer(), func(r *x509.CertificateRequest) {
			r.URIs = append(r.URIs, &url.URL{Scheme: "https", Host: "example.org"})
		}) + proof, cert.ErrMalformed},
		"upper case": {made(key(10).Signer(), func(r *x509.CertificateRequest) {
			r.URIs[0].Path = strings.ToUpper(r.URIs[0].Path[:31]) + "A"
		}) + proof, cert.ErrMalformed},
		"a DNS name of a member": {made(key(10).Signer(), func(r *x509.CertificateRequest) { r.DNSNames = []string{"example.org"} }) + proof, cert.ErrKind},
		"a mail address": {made(key(10).Signer(), func(r *x509.CertificateRequest) {
			r.EmailAddresses = []string{"someone@example.org"}
		}) + proof, cert.ErrMalformed},
	} {
		if r, err := cert.ParseRequest([]byte(tt.text), cert.KindMember, chain, 0, organisation); !errors.Is(err, tt.want) {
			t.Errorf("%s: %+v, %v; want %v", name, r, err, tt.want)
		}
	}
	if _, err := cert.ParseRequest([]byte(good), cert.KindMember, chain, 0, ledger.ID{77}); err == nil {
		t.Error("a request to another organisation was taken")
	}
	for _, dns := range []string{"", "*.example.org", "a..b", "-a", "a_b", "a b", strings.Repeat("a", 64), "a\x00b", "ä"} {
		r := &cert.Request{Kind: cert.KindServer, Chain: chain, Organisation: organisation, DNS: []string{dns}}
		if _, err := r.MarshalRequest(key(1)); err == nil {
			t.Errorf("%q was taken for a DNS name", dns)
		}
	}
}

// An authority asked by hand for more than a request may hold still issues what
// a member may have.
func TestExtensionsAreLeftOut(t *testing.T) {
	t.Parallel()
	a := authority(t, root(1), key(1))
	c := issued(t, a, cert.KindMember, key(10))
	if c.IsCA || len(c.DNSNames) > 0 || len(c.ExtKeyUsage) != 1 || c.KeyUsage != x509.KeyUsageDigitalSignature || len(c.UnhandledCriticalExtensions) > 0 {
		t.Errorf("%+v", c)
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add(requestText(f, cert.KindMember, key(10)), byte(0))
	f.Add(requestText(f, cert.KindNode, key(10)), byte(1))
	f.Add(requestText(f, cert.KindServer, key(10)), byte(2))
	f.Add([]byte("-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n"), byte(0))
	kinds := []cert.Kind{cert.KindMember, cert.KindNode, cert.KindServer}
	a := authority(f, root(1), key(1))
	v := cert.Verifier{Chain: chain, Roots: []*x509.Certificate{a.Certificate}}
	f.Fuzz(func(t *testing.T, text []byte, kind byte) {
		k := kinds[int(kind)%len(kinds)]
		r, err := cert.ParseRequest(text, k, chain, 0, organisation)
		if err != nil {
			return
		}
		c, err := a.Issue(r, now, now.AddDate(1, 0, 0))
		if err != nil {
			return // a name beyond the constraints
		}
		if err := v.Verify([]*x509.Certificate{c}, k, now); err != nil || c.IsCA {
			t.Fatalf("what was issued does not hold: %v", err)
		}
	})
}

func FuzzParseCertificates(f *testing.F) {
	a := authority(f, root(1), key(1))
	good := issued(f, a, cert.KindMember, key(10))
	f.Add(cert.Marshal(good), []byte{})
	list, err := a.Revoke([]cert.Revocation{{Serial: good.SerialNumber, At: now}}, 1, now, now.AddDate(0, 1, 0))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(cert.Marshal(good, a.Certificate), list)
	roots := []*x509.Certificate{a.Certificate}
	f.Fuzz(func(t *testing.T, text, lists []byte) {
		v := cert.Verifier{Chain: chain, Roots: roots}
		if r, err := cert.ParseRevoked(lists, roots); err == nil {
			v.Revoked = r
		}
		all, err := cert.ParseCertificates(text)
		if err != nil {
			return
		}
		if v.Verify(all, cert.KindMember, now) == nil && all[0].CheckSignatureFrom(a.Certificate) != nil {
			t.Fatal("a certificate holds that the authority has not signed")
		}
	})
}
