package keyfile_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
)

const passphrase = "correct horse battery staple"

func says(secret string) keyfile.Ask { return func(string) (string, error) { return secret, nil } }

func TestWriteAndLoad(t *testing.T) {
	t.Parallel()
	key := identity.KeyFromSeed([32]byte{1})
	for name, secret := range map[string]string{"plain": "", "encrypted": passphrase} {
		path := filepath.Join(t.TempDir(), "new", "key")
		if err := keyfile.Write(path, key, secret); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
		b, err := os.ReadFile(path)
		if err != nil || bytes.Contains(b, []byte("PRIVATE KEY")) != (secret == "") {
			t.Errorf("%s: %s, %v", name, b, err)
		}
		again, err := keyfile.Load(path, says(secret))
		if err != nil || again.ID() != key.ID() {
			t.Errorf("%s: %v, %v", name, again, err)
		}
		if err := keyfile.Write(path, identity.KeyFromSeed([32]byte{2}), secret); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: written over: %v", name, err)
		}
		if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
			t.Errorf("%s: the directory holds %v, %v", name, left, err)
		}
	}
}

func TestLockedKeysStayLocked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	if err := keyfile.Write(path, identity.KeyFromSeed([32]byte{1}), passphrase); err != nil {
		t.Fatal(err)
	}
	refusal := errors.New("nobody is here")
	for name, tt := range map[string]struct {
		ask  keyfile.Ask
		want error
	}{
		"nobody to ask":      {nil, keyfile.ErrLocked},
		"another":            {says("wrong secret"), keyfile.ErrLocked},
		"an empty one":       {says(""), keyfile.ErrLocked},
		"nobody who answers": {func(string) (string, error) { return "", refusal }, refusal},
	} {
		key, err := keyfile.Load(path, tt.ask)
		if key != nil || !errors.Is(err, tt.want) || strings.Contains(err.Error(), "wrong secret") {
			t.Errorf("%s: %v, %v", name, key, err)
		}
	}
}

// TestHostileFiles wants what somebody put in the place of a key refused
// without much work.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	recipient.SetWorkFactor(10)
	sealed := func(content string) []byte {
		var b bytes.Buffer
		a := armor.NewWriter(&b)
		w, err := age.Encrypt(a, recipient)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write([]byte(content))
		if err := errors.Join(w.Close(), a.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	hard := func() []byte { // asks for 2^40 rounds
		var b bytes.Buffer
		a := armor.NewWriter(&b)
		_, _ = a.Write([]byte("age-encryption.org/v1\n-> scrypt bm90YXNlY3JldHNhbHQhIQ 40\n" + strings.Repeat("A", 43) + "\n--- " + strings.Repeat("A", 43) + "\n"))
		_ = a.Close()
		return b.Bytes()
	}
	for name, b := range map[string][]byte{
		"nothing":                {},
		"a long file":            bytes.Repeat([]byte("-----BEGIN PRIVATE KEY-----\n"), 1_000),
		"cut off":                sealed("x")[:80],
		"no key inside":          sealed("secret secret secret"),
		"a long file inside":     sealed(strings.Repeat("secret ", 1_000)),
		"endless work":           hard(),
		"a URI with a PIN":       []byte("pkcs11:token=a;object=b?module-path=/m&pin-value=secret"),
		"a URI of nothing":       []byte("pkcs11:"),
		"a URI without a module": []byte("pkcs11:token=a;object=b"),
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := keyfile.Load(path, says(passphrase))
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), passphrase) {
			t.Errorf("%s: %v, %v", name, key, err)
		}
	}
	if _, err := keyfile.Load(filepath.Join(t.TempDir(), "missing"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestLoadPlain holds that who looks at a directory asks nobody and loads no
// library that a file in it names.
func TestLoadPlain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pin := filepath.Join(dir, "pin")
	key := identity.KeyFromSeed([32]byte{3})
	for name, write := range map[string]func(path string) error{
		"plain":     func(path string) error { return keyfile.Write(path, key, "") },
		"encrypted": func(path string) error { return keyfile.Write(path, key, passphrase) },
		"token": func(path string) error { // with cgo, an attempt to open it would say that there is no such library
			uri := "pkcs11:token=a;object=b?module-path=" + dir + "/evil.so&pin-source=file:" + pin
			return errors.Join(os.WriteFile(pin, []byte("1234"), 0o600), os.WriteFile(path, []byte(uri), 0o600))
		},
	} {
		path := filepath.Join(dir, name)
		if err := write(path); err != nil {
			t.Fatal(err)
		}
		got, err := keyfile.LoadPlain(path)
		if name == "plain" && (err != nil || got.ID() != key.ID()) || name != "plain" && (!errors.Is(err, keyfile.ErrLocked) || strings.Contains(err.Error(), "library")) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
