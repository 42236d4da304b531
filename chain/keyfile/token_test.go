//go:build cgo

package keyfile_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"math/big"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
)

const testPIN = "4711-secret"

// softHSM makes a token that holds the key and returns the URI of the key. The
// library reads its configuration once in a process, so there is one such test.
func softHSM(t *testing.T, key *identity.Key) string {
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
	file := filepath.Join(dir, "key.pem")
	if err := keyfile.Write(file, key, ""); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--init-token", "--free", "--label", "librum test", "--pin", testPIN, "--so-pin", "another-secret"},
		{"--import", file, "--token", "librum test", "--label", "officer", "--id", "0a", "--pin", testPIN},
	} {
		if out, err := exec.CommandContext(t.Context(), "softhsm2-util", args...).CombinedOutput(); err != nil {
			t.Fatalf("softhsm2-util %s: %v\n%s", args[0], err, out)
		}
	}
	return "pkcs11:token=" + url.PathEscape("librum test") + ";object=officer?module-path=" + module
}

// TestToken signs with a key that never leaves its token: what Ed25519 makes is
// one and the same signature, so a key in memory shows whether it is right.
func TestToken(t *testing.T) {
	twin := identity.KeyFromSeed([32]byte{7})
	uri := softHSM(t, twin)
	var asked string
	ask := func(what string) (string, error) {
		asked = what
		return testPIN, nil
	}
	key, err := keyfile.Load(uri, ask)
	if err != nil {
		t.Fatal(err)
	}
	if key.ID() != twin.ID() || asked != "PIN of token librum test" {
		t.Fatalf("the token's key is %s, want %s; asked for the %s", key.ID(), twin.ID(), asked)
	}
	var signing sync.WaitGroup
	for i := range 8 {
		signing.Go(func() {
			message := bytes.Repeat([]byte{byte(i)}, 200*i)
			if key.Sign(message) != twin.Sign(message) {
				t.Errorf("message %d: another signature than the twin's", i)
			}
		})
	}
	signing.Wait()
	if _, err := key.MarshalPEM(); !errors.Is(err, identity.ErrHeld) {
		t.Errorf("the token's key was written: %v", err)
	}

	// By a file that holds the URI, with the PIN in another one, while the first
	// session is open.
	dir := t.TempDir()
	pin, file := filepath.Join(dir, "pin"), filepath.Join(dir, "key")
	for path, text := range map[string]string{pin: testPIN + "\n", file: uri + "&pin-source=file:" + pin + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again, err := keyfile.Load(file, nil)
	if err != nil || again.Sign([]byte("x")) != twin.Sign([]byte("x")) {
		t.Errorf("by a file: %v", err)
	}

	// It issues certificates.
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"x"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, ed25519.PublicKey(public(key)), key.Signer())
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := leaf.CheckSignature(x509.PureEd25519, leaf.RawTBSCertificate, leaf.Signature); err != nil {
		t.Errorf("a certificate of the token's: %v", err)
	}

	for name, uri := range map[string]string{
		"another key":     strings.Replace(uri, "officer", "nobody", 1),
		"another token":   strings.Replace(uri, "librum%20test", "other", 1),
		"another library": uri[:strings.LastIndex(uri, "=")+1] + "/usr/lib/nowhere.so",
	} {
		if _, err := keyfile.Load(uri, ask); err == nil {
			t.Errorf("%s was opened", name)
		}
	}
}

func public(key *identity.Key) []byte {
	k := key.Public()
	return k[:]
}
