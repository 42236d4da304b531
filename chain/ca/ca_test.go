package ca_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/chain/ca"
	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

var (
	chain        = ledger.Digest{1}
	organisation = ledger.ID{2}
	now          = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

const life = 365 * 24 * time.Hour

// office is an open office and its directory.
type office struct {
	testing.TB
	*ca.Office
	dir       string
	authority *cert.Authority
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{TB: t, dir: filepath.Join(t.TempDir(), "ca")}
	if err := ca.Init(o.dir, ca.Settings{Chain: chain, Organisation: organisation}, ca.Secrets{}, now, rand.Reader); err != nil {
		t.Fatal(err)
	}
	o.open()
	t.Cleanup(func() { _ = o.Close() })
	return o
}

func (o *office) open() {
	o.Helper()
	var err error
	if o.Office, err = ca.Open(o.dir); err != nil {
		o.Fatal(err)
	}
	if o.authority, err = o.Authority(nil, rand.Reader); err != nil {
		o.Fatal(err)
	}
}

// reopen is what the next command finds.
func (o *office) reopen() {
	o.Helper()
	if err := o.Close(); err != nil {
		o.Fatal(err)
	}
	o.open()
}

func key(i int) *identity.Key { return identity.KeyFromSeed([32]byte{byte(i), byte(i >> 8), 1}) }

func memberID(i int) ledger.ID { return ledger.ID{byte(i), byte(i >> 8), 7} }

func applicant(t testing.TB, i int) ca.Applicant {
	t.Helper()
	return ca.Applicant{
		Kind: cert.KindMember, Name: "Erika Mustermann", Roles: []string{"peer", "member"},
		Request:   request(t, cert.Request{Kind: cert.KindMember, ID: memberID(i)}, key(i)),
		Documents: []ca.Document{{Name: "/home/x/passport.pdf", Content: []byte("passport of Erika")}},
	}
}

func request(t testing.TB, r cert.Request, k *identity.Key) []byte {
	t.Helper()
	r.Chain, r.Organisation = chain, organisation
	text, err := r.MarshalRequest(k)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (o *office) enrol(applicants ...ca.Applicant) []*ca.Record {
	o.Helper()
	records, err := o.Enrol(o.Context(), applicants, now, rand.Reader)
	if err != nil {
		o.Fatal(err)
	}
	return records
}

func (o *office) verify(id ledger.ID, kind cert.Kind) error {
	o.Helper()
	text, err := os.ReadFile(o.CertificatePath(id))
	if err != nil {
		o.Fatal(err)
	}
	path, err := cert.ParseCertificates(text)
	if err != nil {
		o.Fatal(err)
	}
	lists, err := os.ReadFile(filepath.Join(o.dir, "crl.pem"))
	if err != nil {
		o.Fatal(err)
	}
	revoked, err := cert.ParseRevoked(lists, o.Roots)
	if err != nil {
		o.Fatal(err)
	}
	v := cert.Verifier{Chain: chain, Roots: o.Roots, Revoked: revoked}
	return v.Verify(path, kind, now)
}

// TestLifeOfAMember walks from the request to the erasure, each step as a
// command of its own.
func TestLifeOfAMember(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	record := o.enrol(applicant(t, 1))[0]
	o.reopen()
	args, err := o.Enrolment(record)
	if err != nil || args.Member != memberID(1) || len(args.Evidence) != 1 || args.Keys[0] != key(1).Public() {
		t.Fatalf("%+v, %v", args, err)
	}
	if args.Evidence[0] == sha256.Sum256([]byte("passport of Erika")) {
		t.Error("the digest on the ledger has no salt")
	}
	officer := ledger.ID{9}
	if _, err := o.Approve(o.authority, []ca.Approval{{ID: record.ID, Officer: officer}}, life, now); err != nil {
		t.Fatal(err)
	}
	o.reopen()
	if record, err = o.Record(record.ID); err != nil || record.Status != ca.StatusApproved || record.Officer != officer {
		t.Fatalf("%+v, %v", record, err)
	}
	if err := o.verify(record.ID, cert.KindMember); err != nil {
		t.Error(err)
	}
	if _, err := o.Approve(o.authority, []ca.Approval{{ID: record.ID}}, life, now); !errors.Is(err, ca.ErrStatus) {
		t.Errorf("approved again: %v", err)
	}

	documents, err := o.Evidence(record.ID, nil)
	if err != nil || len(documents) != 1 || documents[0].Name != "passport.pdf" || string(documents[0].Content) != "passport of Erika" {
		t.Fatalf("evidence %v, %v", documents, err)
	}
	if err := o.Erase(record.ID, now); err != nil {
		t.Fatal(err)
	}
	o.reopen()
	if _, err := o.Evidence(record.ID, nil); err == nil {
		t.Error("erased evidence was read")
	}
	err = filepath.WalkDir(o.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("Erika")) || bytes.Contains(b, []byte("passport")) {
			t.Errorf("%s holds what was erased", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Join(o.dir, "evidence")); err != nil || len(left) != 0 {
		t.Errorf("left of the evidence: %v, %v", left, err)
	}

	if _, err := o.Revoke(o.authority, record.ID, "left", now); err != nil {
		t.Fatal(err)
	}
	o.reopen()
	if err := o.verify(record.ID, cert.KindMember); !errors.Is(err, cert.ErrRevoked) {
		t.Errorf("after the revocation: %v", err)
	}
}

func TestEnrolRefuses(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.enrol(applicant(t, 1))
	for name, change := range map[string]func(*ca.Applicant){
		"the same id": func(a *ca.Applicant) { a.Request = applicant(t, 1).Request },
		"the same key": func(a *ca.Applicant) {
			a.Request = request(t, cert.Request{Kind: cert.KindMember, ID: memberID(2)}, key(1))
		},
		"no evidence":           func(a *ca.Applicant) { a.Documents = nil },
		"no role":               func(a *ca.Applicant) { a.Roles = nil },
		"an officer":            func(a *ca.Applicant) { a.Roles = []string{"officer"} },
		"a role twice":          func(a *ca.Applicant) { a.Roles = []string{"peer", "peer"} },
		"expired":               func(a *ca.Applicant) { a.Expiry = now },
		"a name of two lines":   func(a *ca.Applicant) { a.Name = "a\nb" },
		"an escape in the name": func(a *ca.Applicant) { a.Name = "a\x1b[2J" },
		"a server's request": func(a *ca.Applicant) {
			a.Request = request(t, cert.Request{Kind: cert.KindServer, DNS: []string{"localhost"}}, key(2))
		},
		"a long document": func(a *ca.Applicant) {
			a.Documents[0].Content = make([]byte, ca.MaxEvidenceBytes+1)
		},
	} {
		a := applicant(t, 2)
		change(&a)
		if _, err := o.Enrol(t.Context(), []ca.Applicant{applicant(t, 3), a}, now, rand.Reader); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	files, err := os.ReadDir(filepath.Join(o.dir, "evidence"))
	if err != nil || len(files) != 1 {
		t.Errorf("%d files of evidence, %v; want that of the one who was taken", len(files), err)
	}
	if n := len(o.Records()); n != 1 {
		t.Errorf("%d records, want the one that was right: an applicant beside a wrong one was taken", n)
	}
}

// TestEvidenceStaysInItsFolder gives names that lead elsewhere.
func TestEvidenceStaysInItsFolder(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i, name := range []string{"../../../../etc/passwd", "/etc/passwd", "..", ".", "a/../../b", "..\\..\\b"} {
		a := applicant(t, 10+i)
		a.Documents[0].Name = name
		record := o.enrol(a)[0]
		if strings.ContainsAny(record.Evidence[0].Name, "/") {
			t.Errorf("%q is kept as %q", name, record.Evidence[0].Name)
		}
	}
	files, err := os.ReadDir(filepath.Join(o.dir, "evidence"))
	if err != nil || len(files) != 6 {
		t.Errorf("%d files, %v; want 6", len(files), err)
	}
	outside, err := os.ReadDir(filepath.Dir(o.dir))
	if err != nil || len(outside) != 1 {
		t.Errorf("beside the office: %v, %v", outside, err)
	}
}

// TestTornRegister cuts the register at every byte of its last line: the
// records before it stay, the last one is there whole or not at all.
func TestTornRegister(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.enrol(applicant(t, 1))
	path := filepath.Join(o.dir, "register.jsonl")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o.enrol(applicant(t, 2))
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := len(before); cut <= len(after); cut += 97 {
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, after[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		o.open()
		if n := len(o.Records()); n != 1 {
			t.Fatalf("cut at %d: %d records", cut, n)
		}
	}
	o.enrol(applicant(t, 2)) // asked for again
	o.reopen()
	if n := len(o.Records()); n != 2 {
		t.Errorf("%d records", n)
	}
}

func TestRotateAndRenew(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.enrol(ca.Applicant{Kind: cert.KindServer, Request: request(t, cert.Request{Kind: cert.KindServer, DNS: []string{"localhost"}}, key(1))})[0]
	if _, err := o.Approve(o.authority, []ca.Approval{{ID: r.ID}}, life, now); err != nil {
		t.Fatal(err)
	}
	old := o.Roots
	first, err := os.ReadFile(o.CertificatePath(r.ID))
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Rotate(o.authority, ca.Secrets{}, now, rand.Reader); err != nil {
		t.Fatal(err)
	}
	o.reopen()
	if err := o.verify(r.ID, cert.KindServer); err != nil {
		t.Errorf("what the old key issued, after the rotation: %v", err)
	}
	again := request(t, cert.Request{Kind: cert.KindServer, DNS: []string{"localhost"}}, key(2))
	if _, err := o.Renew(o.authority, ca.Renewal{ID: r.ID, Request: again, Withdraw: true, Life: life}, now); err != nil {
		t.Fatal(err)
	}
	o.reopen()
	if err := o.verify(r.ID, cert.KindServer); err != nil {
		t.Errorf("what the new key issued: %v", err)
	}
	text, err := os.ReadFile(o.CertificatePath(r.ID))
	if err != nil {
		t.Fatal(err)
	}
	path, err := cert.ParseCertificates(text)
	if err != nil || len(path) != 2 {
		t.Fatalf("%d certificates, %v; want the one between as well", len(path), err)
	}
	v := cert.Verifier{Chain: chain, Roots: old}
	if err := v.Verify(path, cert.KindServer, now); err != nil {
		t.Errorf("to who trusts the old key alone: %v", err)
	}
	if err := o.Publish(o.authority, now); err != nil {
		t.Fatal(err)
	}
	lists, err := os.ReadFile(filepath.Join(o.dir, "crl.pem"))
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := cert.ParseRevoked(lists, o.Roots)
	if err != nil {
		t.Fatal(err)
	}
	withdrawn, err := cert.ParseCertificates(first)
	if err != nil || !revoked.Has(o.Roots[0], withdrawn[0].SerialNumber) || revoked.Has(o.Roots[0], path[0].SerialNumber) {
		t.Errorf("the withdrawn certificate is on no list, %v", err)
	}
}

// TestCertificatesEndWithTheirMember: neither the first nor a renewed one
// outlives the member's expiry, which may have become a later one.
func TestCertificatesEndWithTheirMember(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := applicant(t, 1)
	a.Expiry = now.Add(time.Hour)
	r := o.enrol(a)[0]
	if _, err := o.Approve(o.authority, []ca.Approval{{ID: r.ID}}, life, now); err != nil {
		t.Fatal(err)
	}
	late := now.Add(2 * time.Hour) // the member has expired, and was renewed
	renew := func(expiry time.Time) (*ca.Record, error) {
		return o.Renew(o.authority, ca.Renewal{
			ID: r.ID, Request: request(t, cert.Request{Kind: cert.KindMember, ID: r.ID}, key(1)), Expiry: expiry, Life: life,
		}, late)
	}
	if _, err := renew(a.Expiry); err == nil {
		t.Error("a certificate for a member who has expired")
	}
	for _, tt := range []struct{ expiry, until time.Time }{
		{now.Add(3 * time.Hour), now.Add(3 * time.Hour)},
		{late.Add(2 * life), late.Add(life)},
		{time.Time{}, late.Add(life)},
	} {
		if _, err := renew(tt.expiry); err != nil {
			t.Fatal(err)
		}
		o.reopen()
		record, err := o.Record(r.ID)
		if err != nil || !record.Until.Equal(tt.until.Truncate(time.Second)) || !record.Expiry.Equal(tt.expiry) {
			t.Errorf("expiry %s: %+v, %v, want it to end at %s", tt.expiry, record, err, tt.until)
		}
	}
}

// TestRevocationEndsOlderCertificates: a renewal leaves the certificate before it
// valid, a revocation leaves none.
func TestRevocationEndsOlderCertificates(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.enrol(applicant(t, 1))[0]
	if _, err := o.Approve(o.authority, []ca.Approval{{ID: r.ID}}, life, now); err != nil {
		t.Fatal(err)
	}
	serials := []string{}
	keep := func() {
		record, err := o.Record(r.ID)
		if err != nil {
			t.Fatal(err)
		}
		serials = append(serials, record.Serial)
	}
	keep()
	if _, err := o.Renew(o.authority, ca.Renewal{ID: r.ID, Request: request(t, cert.Request{Kind: cert.KindMember, ID: r.ID}, key(2)), Life: life}, now); err != nil {
		t.Fatal(err)
	}
	keep()
	revoked := func() *cert.Revoked {
		text, err := os.ReadFile(filepath.Join(o.dir, "crl.pem"))
		if err != nil {
			t.Fatal(err)
		}
		list, err := cert.ParseRevoked(text, o.Roots)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	check := func(list *cert.Revoked, want bool) {
		for i, s := range serials {
			n, _ := new(big.Int).SetString(s, 16)
			if list.Has(o.Roots[0], n) != want {
				t.Errorf("certificate %d revoked: %t, want %t", i, !want, want)
			}
		}
	}
	check(revoked(), false)
	if _, err := o.Revoke(o.authority, r.ID, "", now); err != nil {
		t.Fatal(err)
	}
	check(revoked(), true)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	if _, err := ca.Open(t.TempDir()); !errors.Is(err, ca.ErrNoOffice) {
		t.Errorf("an empty directory: %v", err)
	}
	o := newOffice(t)
	if _, err := ca.Open(o.dir); !errors.Is(err, ca.ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	if err := ca.Init(o.dir, ca.Settings{Chain: chain, Organisation: organisation}, ca.Secrets{}, now, rand.Reader); !errors.Is(err, ca.ErrExists) {
		t.Errorf("made twice: %v", err)
	}
	if _, err := o.Record(ledger.ID{99}); !errors.Is(err, ca.ErrNoRecord) {
		t.Errorf("a record that is not there: %v", err)
	}
}

// TestSecretsAreSealed: with a passphrase nothing in the directory opens
// anything.
func TestSecretsAreSealed(t *testing.T) {
	t.Parallel()
	const passphrase = "correct horse"
	path := filepath.Join(t.TempDir(), "ca")
	if err := ca.Init(path, ca.Settings{Chain: chain, Organisation: organisation}, ca.Secrets{Passphrase: passphrase}, now, rand.Reader); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ca-key-1", "evidence-key"} {
		b, err := os.ReadFile(filepath.Join(path, name))
		info, _ := os.Stat(filepath.Join(path, name))
		if err != nil || !bytes.HasPrefix(b, []byte("-----BEGIN AGE ENCRYPTED FILE-----")) || info.Mode() != 0o600 {
			t.Errorf("%s, mode %s: %s, %v", name, info.Mode(), b, err)
		}
	}
}

// TestNoCertificateWithoutItsLine breaks approvals and renewals off at each
// step: no certificate has its name that the register does not know, since it
// could not be revoked, and what the register knows the next command gives away.
func TestNoCertificateWithoutItsLine(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.enrol(applicant(t, 1))[0]
	register, issued := filepath.Join(o.dir, "register.jsonl"), o.CertificatePath(r.ID)
	approve := func() error {
		_, err := o.Approve(o.authority, []ca.Approval{{ID: r.ID}}, life, now)
		return err
	}
	renew := func() error {
		_, err := o.Renew(o.authority, ca.Renewal{ID: r.ID, Request: request(t, cert.Request{Kind: cert.KindMember, ID: r.ID}, key(2)), Life: life}, now)
		return err
	}
	read := func(path string) string {
		b, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return string(b)
	}
	staged := strings.TrimSuffix(issued, ".pem") + ".next"
	testHand(t, o, "approve", approve, register, issued, staged, read)
	testHand(t, o, "renew", renew, register, issued, staged, read)
}

func testHand(t *testing.T, o *office, name string, act func() error, register, issued, staged string, read func(string) string) {
	t.Helper()
	before, lines := read(issued), read(register)
	if err := o.BreakRegister(); err != nil { // the disk takes no line
		t.Fatal(err)
	}
	if act() == nil {
		t.Fatalf("%s: no line was written, and no error", name)
	}
	if read(issued) != before || read(staged) != "" || read(register) != lines {
		t.Errorf("%s: a certificate is there that the register does not know", name)
	}
	_ = o.Close() // its register is closed
	o.open()
	if err := act(); err != nil {
		t.Fatal(err)
	}
	after, whole := read(issued), read(register)
	put := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(staged, after) // killed before the line
	put(issued, before)
	put(register, lines)
	o.reopen()
	if read(issued) != before || read(staged) != "" {
		t.Errorf("%s, killed before the line: the certificate was given away", name)
	}
	put(staged, after) // killed behind it
	put(register, whole)
	o.reopen()
	if read(issued) != after || read(staged) != "" {
		t.Errorf("%s, killed behind the line: the certificate was not given away", name)
	}
}
