package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// authority is an office in a directory, used by commands alone.
type authority struct {
	*dev

	t    *testing.T
	home string // holds everything
	dir  string
}

// newAuthority makes the authority of an organisation of a network.
func newAuthority(t *testing.T, d *dev, network, organisation string) *authority {
	t.Helper()
	a := &authority{dev: d, t: t, home: t.TempDir()}
	a.dir = filepath.Join(a.home, "ca")
	a.must("ca", "init", "--dir", a.dir, "--genesis", filepath.Join(network, "genesis.cbor"), "--organisation", organisation)
	return a
}

// must runs a command that ends well and returns what it printed.
func (a *authority) must(args ...string) string {
	a.t.Helper()
	out, code := output(a.t, a.env, args...)
	if code != 0 {
		a.t.Fatalf("librum %s: exit %d", strings.Join(args, " "), code)
	}
	return out
}

func (a *authority) organisation() string {
	a.t.Helper()
	return lastLine[struct {
		Organisation string `json:"organisation"`
	}](a.t, a.must("ca", "list", "--dir", a.dir, "--json")).Organisation
}

// request makes a key and a request and returns the path and the id.
func (a *authority) request(name string, more ...string) (path, id string) {
	a.t.Helper()
	path = filepath.Join(a.home, name+".pem")
	args := append([]string{
		"identity", "request", "--identity", filepath.Join(a.home, name+"-key"), "--genesis", a.genesis,
		"--organisation", a.organisation(), "-o", path, "--json",
	}, more...)
	return path, lastLine[struct {
		ID string `json:"id"`
	}](a.t, a.must(args...)).ID
}

// enroll takes a member's request in and returns its id.
func (a *authority) enroll(name string) string {
	a.t.Helper()
	path, id := a.request(name)
	evidence := filepath.Join(a.home, "passport")
	if err := os.WriteFile(evidence, []byte("a passport"), 0o600); err != nil {
		a.t.Fatal(err)
	}
	a.must("ca", "enroll", path, "--dir", a.dir, "--name", name, "--role", "member", "--evidence", evidence)
	return id
}

// TestWrongOfficer: who is no officer of the organisation approves and revokes
// nobody, and nothing is certified or lost by trying.
func TestWrongOfficer(t *testing.T) {
	t.Parallel()
	network := filepath.Join(t.TempDir(), "dev")
	d := startDev(t, network, 1, anyPort)
	a := newAuthority(t, d, network, "organisation-1")
	id := a.enroll("somebody")
	own, other := filepath.Join(network, "node-1", "officer-key"), filepath.Join(network, "node-2", "officer-key")
	for name, key := range map[string]string{
		"another organisation's officer": other, "a member": filepath.Join(network, "member-key"),
		"a stranger": filepath.Join(a.home, "somebody-key"), "a file that is none": filepath.Join(a.dir, "settings.json"), "nothing": "",
	} {
		if _, code := output(t, d.env, "ca", "approve", id, "--dir", a.dir, "--officer", key); code != 1 && code != 2 {
			t.Errorf("%s approves: exit %d", name, code)
		}
		if _, code := output(t, d.env, "ca", "revoke", id, "--dir", a.dir, "--officer", key); code != 1 && code != 2 {
			t.Errorf("%s revokes: exit %d", name, code)
		}
	}
	if _, code := output(t, d.env, "identity", "show", id); code != 3 {
		t.Errorf("the ledger knows the member: exit %d", code)
	}
	a.must("ca", "approve", id, "--dir", a.dir, "--officer", own)
	if _, code := output(t, d.env, "ca", "approve", id, "--dir", a.dir, "--officer", own); code != 1 {
		t.Errorf("approved again: exit %d", code)
	}
	if _, code := output(t, d.env, "identity", "freeze", id, "--genesis", d.genesis, "--officer", other); code != 1 {
		t.Errorf("another organisation's officer freezes: exit %d", code)
	}
	if _, code := output(t, d.env, "identity", "freeze", id, "--genesis", strings.Repeat("0", 64), "--officer", own); code == 0 {
		t.Error("signed for a chain that is not the one named")
	}
	if _, code := output(t, d.env, "ca", "revoke", "00000000000000000000000000000001", "--dir", a.dir, "--officer", own); code != 3 {
		t.Errorf("a member that is not in the register: exit %d", code)
	}
}

// TestApprovalGoesOn breaks an approval off between ledger and register, and
// asks again.
func TestApprovalGoesOn(t *testing.T) {
	t.Parallel()
	network := filepath.Join(t.TempDir(), "dev")
	d := startDev(t, network, 1, anyPort)
	a := newAuthority(t, d, network, "organisation-0")
	id := a.enroll("somebody")
	register := filepath.Join(a.dir, "register.jsonl")
	before, err := os.ReadFile(register)
	if err != nil {
		t.Fatal(err)
	}
	approve := []string{"ca", "approve", "--all", "--dir", a.dir, "--officer", filepath.Join(network, "node-0", "officer-key"), "--json"}
	a.must(approve...)
	if err := os.WriteFile(register, before, 0o600); err != nil { // as if it had been killed
		t.Fatal(err)
	}
	again := lastLine[struct {
		Approved int `json:"approved"`
	}](t, a.must(approve...))
	if again.Approved != 1 {
		t.Errorf("%d approved", again.Approved)
	}
	if _, err := os.Stat(filepath.Join(a.dir, "certificates", id+".pem")); err != nil {
		t.Error(err)
	}
}

// TestHostileServers: a server's certificate is of a foreign authority, for
// another name, revoked, or for another chain.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	plain := startDev(t, filepath.Join(parent, "plain"), 1, anyPort)
	a := newAuthority(t, plain, filepath.Join(parent, "plain"), "organisation-0")
	officer := filepath.Join(parent, "plain", "node-0", "officer-key")
	csr, _ := a.request("server", "--kind", "server", "--dns", "localhost", "--ip", "127.0.0.1")
	id := lastLine[struct {
		IDs []string `json:"ids"`
	}](t, a.must("ca", "enroll", csr, "--dir", a.dir, "--kind", "server", "--json")).IDs[0]
	a.must("ca", "approve", id, "--dir", a.dir, "--officer", officer)
	roots, list := filepath.Join(a.dir, "ca.pem"), filepath.Join(a.dir, "crl.pem")
	certificate, key := filepath.Join(a.dir, "certificates", id+".pem"), filepath.Join(a.home, "server-key")

	// Another network, whose server has that certificate: of another chain.
	other := filepath.Join(parent, "other")
	d := startDevWith(t, other, "--listen", anyPort, "--peers", "1", "--tls-cert", certificate, "--tls-key", key)
	ask := func(more ...string) int {
		_, code := output(t, d.env, append([]string{"job", "list", "--ca", roots, "--crl", list}, more...)...)
		return code
	}
	if code := ask(); code != 0 {
		t.Errorf("a good server, to who knows no chain: exit %d", code)
	}
	if code := ask("--server", strings.Replace(d.base, "127.0.0.1", "127.0.0.2", 1)); code != 3 {
		t.Errorf("another name: exit %d, want 3", code)
	}
	stranger := newCertificates(t)
	if _, code := output(t, d.env, "job", "list", "--ca", stranger.root); code != 3 {
		t.Errorf("a foreign authority's: exit %d, want 3", code)
	}
	cmd := command(t, d.env, "identity", "freeze", id, "--genesis", d.genesis, "--officer", filepath.Join(other, "node-0", "officer-key"), "--ca", roots)
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "for another chain") {
		t.Errorf("another chain's certificate, to who knows the chain: %v\n%s", err, out)
	}
	a.must("ca", "revoke", id, "--dir", a.dir, "--officer", officer)
	cmd = command(t, d.env, "job", "list", "--ca", roots, "--crl", list)
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "revoked") {
		t.Errorf("a revoked server: %v\n%s", err, out)
	}
}

// TestLockedNetwork starts a network whose keys are encrypted, with the
// passphrase and without.
func TestLockedNetwork(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	network, secret, wrong := filepath.Join(parent, "dev"), filepath.Join(parent, "passphrase"), filepath.Join(parent, "wrong")
	for path, text := range map[string]string{secret: "open sesame\n", wrong: "open barley"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	startDev(t, network, 1, anyPort).end(t, syscall.SIGTERM)
	for _, key := range []string{"node-2/key", "peers/peer-0-key"} {
		if _, code := output(t, nil, "identity", "lock", filepath.Join(network, key), "--new-passphrase-file", secret); code != 0 {
			t.Fatalf("lock %s: exit %d", key, code)
		}
	}
	for name, flags := range map[string][]string{"no passphrase": nil, "a wrong one": {"--passphrase-file", wrong}} {
		cmd := command(t, nil, append([]string{"dev", "--dir", network, "--listen", anyPort}, flags...)...)
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "stays locked") || strings.Contains(string(out), "barley") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	d := startDevWith(t, network, "--listen", anyPort, "--passphrase-file", secret)
	if _, code := output(t, d.env, "job", "list"); code != 0 {
		t.Errorf("with the passphrase: exit %d", code)
	}
}

// TestEnrollMany enrols from a file, of which one line is a forgery: none is
// taken; without it all are.
func TestEnrollMany(t *testing.T) {
	t.Parallel()
	const many = 50
	network := filepath.Join(t.TempDir(), "dev")
	d := startDev(t, network, 1, anyPort)
	a := newAuthority(t, d, network, "organisation-0")
	if err := os.WriteFile(filepath.Join(a.home, "passport"), []byte("a passport"), 0o600); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for i := range many {
		path, _ := a.request(fmt.Sprint("member-", i))
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(map[string]any{"request": string(text), "name": fmt.Sprint("Member ", i), "roles": []string{"member"}, "evidence": []string{"passport"}})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(b))
	}
	file := filepath.Join(a.home, "applicants.jsonl")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.Join(lines, "\n") + "\n" + strings.Replace(lines[0], "BEGIN LIBRUM PROOF OF POSSESSION-----\\n", "BEGIN LIBRUM PROOF OF POSSESSION-----\\nAAAA", 1))
	if _, code := output(t, d.env, "ca", "enroll", "--from", file, "--dir", a.dir); code == 0 {
		t.Error("a file with a forgery was taken")
	}
	write(strings.Join(lines, "\n"))
	a.must("ca", "enroll", "--from", file, "--dir", a.dir)
	out := lastLine[struct {
		Approved int `json:"approved"`
	}](t, a.must("ca", "approve", "--all", "--dir", a.dir, "--officer", filepath.Join(network, "node-0", "officer-key"), "--json"))
	if out.Approved != many {
		t.Errorf("%d approved, want %d", out.Approved, many)
	}
}
