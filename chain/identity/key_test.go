package identity_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// opensslKey is what `openssl genpkey -algorithm ed25519` writes for the key of
// RFC 8410 §10.3.
const opensslKey = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
`

func TestKeyPEM(t *testing.T) {
	t.Parallel()
	key, err := identity.ParsePEM([]byte(opensslKey))
	if err != nil {
		t.Fatal(err)
	}
	want := "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1" // RFC 8410 §10.1
	if public := key.Public(); hex.EncodeToString(public[:]) != want {
		t.Errorf("public key %x, want %s", public, want)
	}
	again, err := key.MarshalPEM()
	if err != nil || string(again) != opensslKey {
		t.Errorf("written as %s, %v", again, err)
	}
	if key.ID() != ledger.PublicKey(unhex(t, want)).ID() {
		t.Error("the id is not the SHA-256 of the public key")
	}
}

func TestNewKey(t *testing.T) {
	t.Parallel()
	seed := bytes.Repeat([]byte{7}, 32)
	key, err := identity.NewKey(bytes.NewReader(append(seed, 1, 2, 3)))
	if err != nil || key.Public() != identity.KeyFromSeed([32]byte(seed)).Public() {
		t.Errorf("key %v, %v", key, err)
	}
	if _, err := identity.NewKey(bytes.NewReader(seed[:31])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("31 bytes of random: %v", err)
	}
	a, err := identity.NewKey(rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	if a.ID() == key.ID() {
		t.Error("two sources give one key")
	}
}

// TestKeyIsNeverPrinted looks for the seed, in hexadecimal, decimal and as it
// is, behind every verb.
func TestKeyIsNeverPrinted(t *testing.T) {
	t.Parallel()
	seed := [32]byte([]byte("thirty-two bytes of secret seed!"))
	key := identity.KeyFromSeed(seed)
	held := struct{ Key *identity.Key }{key}
	text, err := json.Marshal(held)
	if err != nil {
		t.Fatal(err)
	}
	printed := []string{key.String(), string(text)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%U", "%b", "%o"} {
		printed = append(printed, fmt.Sprintf(verb, key), fmt.Sprintf(verb, *key), fmt.Sprintf(verb, held), fmt.Sprintf(verb, &held))
	}
	secrets := []string{string(seed[:8]), fmt.Sprintf("%x", seed[:8]), fmt.Sprintf("%X", seed[:8]), strings.Trim(fmt.Sprintf("%d", seed[:8]), "[]")}
	for _, p := range printed {
		for _, s := range secrets {
			if strings.Contains(p, s) {
				t.Errorf("%q shows the seed", p)
			}
		}
	}
	if got := fmt.Sprintf("%v %v", key, *key); got != key.String()+" "+key.String() || !strings.Contains(got, key.ID().Short()) {
		t.Errorf("a key is printed as %q", got)
	}
}

func TestKeyRefusals(t *testing.T) {
	t.Parallel()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.NewChaCha8([32]byte{}))
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	for name, s := range map[string]string{
		"empty":           "",
		"no PEM":          "secret",
		"cut off":         opensslKey[:60],
		"two keys":        opensslKey + opensslKey,
		"followed by":     opensslKey + "more",
		"another type":    strings.ReplaceAll(opensslKey, "PRIVATE", "PUBLIC"),
		"not DER":         block("PRIVATE KEY", []byte("secret secret secret")),
		"another key":     block("PRIVATE KEY", der),
		"too long":        opensslKey + strings.Repeat("\n", 4<<10),
		"short seed":      block("PRIVATE KEY", unhex(t, "302d020100300506032b65700421041f"+strings.Repeat("73", 31))),
		"trailing in DER": block("PRIVATE KEY", append(unhex(t, "302e020100300506032b657004220420"+strings.Repeat("73", 32)), 0)),
	} {
		key, err := identity.ParsePEM([]byte(s))
		if !errors.Is(err, identity.ErrKey) || key != nil {
			t.Errorf("%s: %v, %v", name, key, err)
			continue
		}
		if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "ssss") || strings.Contains(err.Error(), "7373") {
			t.Errorf("%s: the error shows what was read: %v", name, err)
		}
	}
}

func FuzzParsePEM(f *testing.F) {
	f.Add([]byte(opensslKey))
	f.Add([]byte(strings.ReplaceAll(opensslKey, "\n", "\r\n")))
	f.Add([]byte("before\n" + opensslKey))
	f.Add([]byte(strings.Replace(opensslKey, "-----\n", "-----\nKey: value\n\n", 1)))
	f.Add([]byte(opensslKey[:60]))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := identity.ParsePEM(b)
		if err != nil {
			if !errors.Is(err, identity.ErrKey) {
				t.Fatalf("got %v, want ErrKey", err)
			}
			return
		}
		text, err := key.MarshalPEM()
		if err != nil {
			t.Fatal(err)
		}
		again, err := identity.ParsePEM(text)
		if err != nil || again.Public() != key.Public() {
			t.Fatalf("written and read it is %v, %v", again, err)
		}
		signature := key.Sign(b)
		if !identity.Verify(key.Public(), b, signature) {
			t.Fatal("the key's own signature does not hold")
		}
	})
}
