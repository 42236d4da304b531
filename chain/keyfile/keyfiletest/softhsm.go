package keyfiletest

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
)

// PIN opens the tokens.
const PIN = "4711-secret"

// label has a space, which a URI escapes.
const label = "librum test"

// Token makes a token that holds the keys by their names and returns the URI of
// each. Without SoftHSM the test is skipped with the reason, or fails where
// $LIBRUM_TEST_SOFTHSM is "required". The library reads its configuration once in
// a process, so a test package makes one token.
func Token(t *testing.T, keys map[string]*identity.Key) map[string]string {
	t.Helper()
	var module string
	for _, path := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"} {
		if _, err := os.Stat(path); err == nil {
			module = path
		}
	}
	_, err := exec.LookPath("softhsm2-util")
	if module == "" || err != nil {
		const missing = "SoftHSM is missing, keys on tokens are not tested; install it with: sudo apt-get install -y softhsm2"
		if os.Getenv("LIBRUM_TEST_SOFTHSM") == "required" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "softhsm2.conf")
	if err := os.Mkdir(filepath.Join(dir, "tokens"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte("directories.tokendir = "+dir+"/tokens\nlog.level = ERROR\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", config)
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), "softhsm2-util", args...).CombinedOutput(); err != nil { //nolint:gosec // the test's own arguments
			t.Fatalf("softhsm2-util %s: %v\n%s", args[0], err, out)
		}
	}
	run("--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "another-secret")
	uris := map[string]string{}
	for i, name := range slices.Sorted(maps.Keys(keys)) {
		file := filepath.Join(dir, name+".pem")
		if err := keyfile.Write(file, keys[name], ""); err != nil {
			t.Fatal(err)
		}
		run("--import", file, "--token", label, "--label", name, "--id", fmt.Sprintf("%02x", i+1), "--pin", PIN)
		uris[name] = "pkcs11:token=" + url.PathEscape(label) + ";object=" + name + "?module-path=" + module
	}
	return uris
}
