//go:build cgo

package keyfile_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/keyfile/keyfiletest"
	"github.com/librum/librum/chain/ledger"
)

// TestToken signs with a key that never leaves its token: what Ed25519 makes is
// one and the same signature, so a key in memory shows whether it is right.
func TestToken(t *testing.T) {
	twin := identity.KeyFromSeed([32]byte{7})
	uri := keyfiletest.Token(t, map[string]*identity.Key{"officer": twin})["officer"]
	var asked string
	ask := func(what string) (string, error) {
		asked = what
		return keyfiletest.PIN, nil
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
	for path, text := range map[string]string{pin: keyfiletest.PIN + "\n", file: uri + "&pin-source=file:" + pin + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again, err := keyfile.Load(file, nil)
	if err != nil || again.Sign([]byte("x")) != twin.Sign([]byte("x")) {
		t.Errorf("by a file: %v", err)
	}

	// It is an authority's key.
	now := time.Now()
	root, err := cert.NewRoot(cert.Root{
		Chain: ledger.Digest{1}, Organisation: ledger.ID{2}, Generation: 1, From: now, Until: now.Add(time.Hour),
	}, key, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := cert.NewAuthority(root, key, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	request := &cert.Request{Kind: cert.KindMember, Chain: ledger.Digest{1}, Organisation: ledger.ID{2}, ID: ledger.ID{3}}
	if _, err := request.MarshalRequest(identity.KeyFromSeed([32]byte{8})); err != nil {
		t.Fatal(err)
	}
	leaf, err := authority.Issue(request, now, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	v := cert.Verifier{Chain: ledger.Digest{1}, Roots: []*x509.Certificate{root}}
	if err := v.Verify([]*x509.Certificate{leaf}, cert.KindMember, now); err != nil {
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
