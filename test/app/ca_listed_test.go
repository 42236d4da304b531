package app_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/librum/librum/chain/ledger"
)

// TestListedAuthorities: once the organisations have agreed on an authority of
// one of them, that alone certifies for it, and no more when it is removed.
func TestListedAuthorities(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dev")
	a := &assembly{T: t, dir: dir, dev: startDev(t, dir, 3, anyPort)}
	first := newAuthority(t, a.dev, dir, "organisation-1")
	second := newAuthority(t, a.dev, dir, "organisation-1")
	elsewhere := newAuthority(t, a.dev, dir, "organisation-2")
	listing := func(of *authority) (ledger.Digest, string) {
		t.Helper()
		l := librumJSON[struct {
			Certificate ledger.Digest `json:"certificate"`
			Listing     string        `json:"listing"`
		}](a, "ca", "list", "--dir", of.dir, "--officer", a.officer(1))
		return l.Certificate, l.Listing
	}
	approve := func(of *authority, officer int, name string, want int) (id string) {
		t.Helper()
		id = of.enroll(name)
		out, code := output(t, a.env, "ca", "approve", id, "--dir", of.dir, "--officer", a.officer(officer))
		if code != want || strings.Contains(out, "approved: 1") != (want == 0) {
			t.Errorf("approve %s: exit %d, want %d\n%s", name, code, want, out)
		}
		return id
	}
	digest, before := listing(first)
	if before != "not listed" {
		t.Errorf("before anything was proposed: %s", before)
	}
	early := approve(first, 1, "early", 0) // with a warning

	add := a.decide(0, []int{1, 2}, "add-ca", filepath.Join(first.dir, "ca.pem"), "--organisation", first.organisation(), "--at", "+4")
	a.active(add.ID)
	for of, want := range map[*authority]string{first: "listed", second: "others listed", elsewhere: "not listed"} {
		if _, got := listing(of); got != want {
			t.Errorf("%s: %s, want %s", of.dir, got, want)
		}
	}
	approve(first, 1, "listed", 0)
	approve(second, 1, "unlisted", 1)
	approve(elsewhere, 2, "elsewhere", 0)

	remove := a.decide(0, []int{1, 2}, "remove-ca", digest.String(), "--at", "+4")
	a.active(remove.ID)
	if _, after := listing(first); after != "removed" {
		t.Errorf("after it was removed: %s", after)
	}
	approve(first, 1, "late", 1)
	path, _ := first.request("early", "--id", early)
	if _, code := output(t, a.env, "ca", "rotate", "certificate", early, "--request", path, "--dir", first.dir, "--officer", a.officer(1)); code != 1 {
		t.Errorf("renew a certificate: exit %d, want 1", code)
	}
	// Who has left can be taken out all the same.
	first.must("ca", "revoke", early, "--dir", first.dir, "--officer", a.officer(1))
}
