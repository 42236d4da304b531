package app_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/keyfile"
)

const walkPassphrase = "correct horse battery staple" // as the document has it

// TestIdentityWalk runs the lines of the document's walk as they stand there,
// and then looks for secrets in everything that was printed and logged.
func TestIdentityWalk(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "python3", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the document's lines need %s: %v", tool, err)
		}
	}
	blocks := codeBlocks(t, "docs/identity.md", "## Five minutes")
	if len(blocks) != 3 || strings.TrimSpace(blocks[0]) != "bin/librum dev --tls --peers 1" {
		t.Fatalf("the section has %d blocks, want dev, enrolment and changes", len(blocks))
	}
	dir := t.TempDir()
	linkBinary(t, dir)
	port := freePort(t)
	d := startDevWith(t, filepath.Join(dir, "librum-dev"), "--tls", "--peers", "1", "--listen", "127.0.0.1:"+port)

	told := bash(t, dir, port, blocks[1]+"\nenv > environment")
	if !strings.Contains(told, "approved: 1") || !strings.Contains(told, "standing      active") {
		t.Errorf("the enrolment says\n%s", told)
	}
	trains := walkPeer(t, d, dir)
	told += trains
	changes := bash(t, dir, port, "set -a; . ./environment 2>/dev/null || true; set +a\n"+exports(t, dir)+blocks[2]+"\nbin/librum identity show $MEMBER $TRUST")
	if !strings.Contains(changes, "standing      revoked") || !strings.Contains(changes, "expires       2099-12-31") {
		t.Errorf("the changes say\n%s", changes)
	}
	told += changes
	seen, err := os.ReadFile(filepath.Join(dir, "seen", "0-passport.pdf"))
	if err != nil || string(seen) != "scan of a passport\n" {
		t.Errorf("the evidence reads %q, %v", seen, err)
	}
	walkCertificates(t, dir)
	d.end(t, syscall.SIGTERM)
	log, err := os.ReadFile(filepath.Join(t.ArtifactDir(), "dev.log"))
	if err != nil {
		t.Fatal(err)
	}
	lookForSecrets(t, dir, told+string(log))
}

// exports returns the variables of the first block, for a shell of its own.
func exports(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "environment"))
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "LIBRUM_SERVER", "LIBRUM_PASSPHRASE_FILE", "TRUST", "GENESIS", "ORGANISATION", "MEMBER":
			fmt.Fprintf(&lines, "export %s='%s'\n", name, value)
		}
	}
	return lines.String()
}

// walkPeer has the new member train a round, in a process of its own, with its
// encrypted key and its certificate.
func walkPeer(t *testing.T, d *dev, dir string) string {
	t.Helper()
	member := regexp.MustCompile(`MEMBER='(\w+)'`).FindStringSubmatch(exports(t, dir))
	if member == nil {
		t.Fatal("the walk left no member")
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rules, job := write("policy.yaml", openPolicy), write("job.yaml", fmt.Sprintf(peerJob, 1, 2, 0, 1))
	trust := filepath.Join(dir, "librum-dev", "ca", "ca.pem")
	args := []string{
		"peer", "run", "--genesis", d.genesis, "--identity", filepath.Join(dir, "erika-key"), "--passphrase-file", filepath.Join(dir, "passphrase"),
		"--certificate", filepath.Join(dir, "librum-ca", "certificates", member[1]+".pem"), "--ca", trust, "--data", "digits:1/2?seed=1", "--policy", rules,
	}
	peer := command(t, d.env, args...)
	var log bytes.Buffer
	peer.Stderr = &log
	if err := peer.Start(); err != nil {
		t.Fatal(err)
	}
	out, code := output(t, d.env, "job", "run", "-f", job, "--ca", trust, "--json")
	if err := errors.Join(peer.Process.Signal(syscall.SIGTERM), peer.Wait()); err != nil {
		t.Errorf("the peer ends with %v\n%s", err, &log)
	}
	if code != 0 {
		t.Errorf("a job with the new member: exit %d\n%s\n%s", code, out, &log)
	}
	left, err := os.ReadFile(filepath.Join(dir, "erika-key.egress.jsonl"))
	if err != nil || !strings.Contains(string(left), member[1]) {
		t.Errorf("the new member has sent no update: %s, %v", left, err)
	}
	return out + log.String()
}

// walkCertificates holds what the walk has issued against the list of what it
// has revoked.
func walkCertificates(t *testing.T, dir string) {
	t.Helper()
	office := filepath.Join(dir, "librum-ca")
	read := func(parts ...string) []byte {
		b, err := os.ReadFile(filepath.Join(append([]string{office}, parts...)...))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var settings struct {
		Generation int `json:"generation"`
	}
	if err := json.Unmarshal(read("settings.json"), &settings); err != nil || settings.Generation != 2 {
		t.Errorf("generation %d, %v; want 2", settings.Generation, err)
	}
	roots, err := cert.ParseCertificates(read("ca.pem"))
	if err != nil || len(roots) != 2 {
		t.Fatalf("%d certificates to trust, %v; want the old one too", len(roots), err)
	}
	revoked, err := cert.ParseRevoked(read("crl.pem"), roots)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(office, "certificates"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("certificates %v, %v", entries, err)
	}
	path, err := cert.ParseCertificates(read("certificates", entries[0].Name()))
	if err != nil || !revoked.Has(roots[0], path[0].SerialNumber) {
		t.Errorf("the certificate is on no list, %v", err)
	}
}

// lookForSecrets wants none of the keys below dir, passphrases, tokens and
// evidence in what was said, in any of the forms in which they could be there.
func lookForSecrets(t *testing.T, dir, said string) {
	t.Helper()
	secrets := map[string]string{
		walkPassphrase: "the passphrase", "AGE-SECRET-KEY": "the key of evidence", "PRIVATE KEY": "a key in PEM", "scan of a passport": "evidence",
	}
	keys := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		name := filepath.Base(path)
		if name == "token" {
			b, err := os.ReadFile(path)
			secrets[strings.TrimSpace(string(b))] = "the token"
			return err
		}
		if !strings.Contains(name, "key") || name == "evidence-key" || strings.Contains(name, ".") {
			return nil
		}
		key, err := keyfile.Load(path, func(string) (string, error) { return walkPassphrase, nil })
		if err != nil {
			return err
		}
		text, err := key.MarshalPEM()
		if err != nil {
			return err
		}
		block, _ := pem.Decode(text)
		seed := block.Bytes[len(block.Bytes)-32:]
		secrets[strings.Split(string(text), "\n")[1]] = "the key of " + path + " in base64"
		secrets[hex.EncodeToString(seed)] = "the key of " + path + " in hexadecimal digits"
		secrets[strings.ToUpper(hex.EncodeToString(seed))] = "the key of " + path + " in hexadecimal digits"
		secrets[string(seed)] = "the key of " + path
		secrets[strings.Trim(fmt.Sprintf("%d", seed), "[]")] = "the key of " + path + " as numbers"
		keys++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// Four nodes and officers, a peer, a member, a delegate, a server, two of the
	// authority and two of Erika at the least.
	if keys < 15 || len(said) < 1_000 {
		t.Errorf("%d keys and %d bytes were looked at", keys, len(said))
	}
	for secret, what := range secrets {
		if strings.Contains(said, secret) {
			t.Errorf("%s was printed or logged", what)
		}
	}
}
