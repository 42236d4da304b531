//go:build cgo

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile/keyfiletest"
	"github.com/librum/librum/localnet"
)

// TestAuthorityOnAToken runs an authority whose own key and whose officer's key
// never leave a token, from the first command to the last.
func TestAuthorityOnAToken(t *testing.T) {
	secrets := localnet.SecretsFromSeed(11) // those of serveNetwork
	uris := keyfiletest.Token(t, map[string]*identity.Key{
		"authority": identity.KeyFromSeed([32]byte{1}), "officer": secrets.Key(localnet.KindOfficer, 0),
	})
	s := serveNetwork(t, 0)
	home := t.TempDir()
	path := func(name string) string { return filepath.Join(home, name) }
	for name, text := range map[string]string{"pin": keyfiletest.PIN + "\n", "passport": "a passport"} {
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name := range uris {
		uris[name] += "&pin-source=file:" + path("pin")
	}
	must := func(cmd *cobra.Command, args ...string) (log string) {
		t.Helper()
		out, errOut, code := s.run(t, cmd, args...)
		if code != 0 {
			t.Fatalf("%s %v: exit %d\n%s%s", cmd.Name(), args, code, out, errOut)
		}
		return errOut
	}
	organisation := secrets.ID(localnet.KindOrganisation, 0).String()
	log := must(newCACommand(), "init", "--dir", path("ca"), "--genesis", s.Dir.Genesis(), "--organisation", organisation, "--key", uris["authority"])
	if !strings.Contains(log, "evidence-key is not encrypted") {
		t.Errorf("init says %q: the token keeps one key of two", log)
	}
	must(newIdentityCommand(), "request", "--identity", path("key"), "--genesis", s.Chain.String(), "--organisation", organisation, "-o", path("request.pem"))
	must(newCACommand(), "enroll", path("request.pem"), "--dir", path("ca"), "--name", "n", "--role", "member", "--evidence", path("passport"))
	must(newCACommand(), "approve", "--all", "--dir", path("ca"), "--officer", uris["officer"])
	must(newCACommand(), "rotate", "authority", "--dir", path("ca"))
	certificates, err := os.ReadDir(filepath.Join(path("ca"), "certificates"))
	if err != nil || len(certificates) != 1 {
		t.Errorf("certificates %v, %v", certificates, err)
	}
}
