package keyfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/internal/durable"
)

// Ask returns the secret that opens what is named: the passphrase of a file or
// the PIN of a token. Nil where nobody can be asked.
type Ask func(what string) (string, error)

// ErrLocked refuses an encrypted key for which there is no passphrase, or a
// wrong one.
var ErrLocked = errors.New("the key stays locked")

const (
	maxFileBytes = 16 << 10
	maxKeyBytes  = 4 << 10
	// workFactor is scrypt's log2 N: what age writes, and the most that is read.
	workFactor = 18
	scheme     = "pkcs11:"
)

// Load reads the key at path, or that of the token which path names.
func Load(path string, ask Ask) (*identity.Key, error) {
	if strings.HasPrefix(path, scheme) {
		return openToken(path, ask)
	}
	b, err := durable.ReadFile(path, maxFileBytes)
	if err != nil {
		return nil, err
	}
	text := bytes.TrimSpace(b)
	switch {
	case bytes.HasPrefix(text, []byte(scheme)):
		return openToken(string(text), ask)
	case bytes.HasPrefix(text, []byte(armor.Header)):
		if b, err = Decrypt(path, text, ask); err != nil {
			return nil, err
		}
	}
	return parse(path, b)
}

// LoadPlain reads a key that lies in its file as it is; any other stays locked.
// It is for directories that somebody else may have written: the URI of a key on
// a token names a library, whose code would run here.
func LoadPlain(path string) (*identity.Key, error) {
	b, err := durable.ReadFile(path, maxFileBytes)
	if err != nil {
		return nil, err
	}
	text := bytes.TrimSpace(b)
	if bytes.HasPrefix(text, []byte(scheme)) || bytes.HasPrefix(text, []byte(armor.Header)) {
		return nil, fmt.Errorf("read %s: it is encrypted, or on a token: %w", path, ErrLocked)
	}
	return parse(path, b)
}

func parse(path string, b []byte) (*identity.Key, error) {
	key, err := identity.ParsePEM(b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return key, nil
}

// Decrypt opens what [Encrypt] made of a small secret; path names it in questions
// and errors.
func Decrypt(path string, text []byte, ask Ask) ([]byte, error) {
	if ask == nil {
		return nil, fmt.Errorf("read %s: it is encrypted and nobody can be asked for the passphrase: %w", path, ErrLocked)
	}
	passphrase, err := ask("passphrase of " + path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	opener, err := age.NewScryptIdentity(passphrase)
	if err != nil { // it is empty
		return nil, fmt.Errorf("read %s: the passphrase is empty: %w", path, ErrLocked)
	}
	opener.SetMaxWorkFactor(workFactor)
	plain, err := age.Decrypt(armor.NewReader(bytes.NewReader(text)), opener)
	if _, wrong := errors.AsType[*age.NoIdentityMatchError](err); wrong {
		return nil, fmt.Errorf("read %s: the passphrase is not the file's: %w", path, ErrLocked)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: decrypt: %w", path, err)
	}
	b, err := io.ReadAll(io.LimitReader(plain, maxKeyBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: decrypt: %w", path, err)
	}
	return b, nil
}
