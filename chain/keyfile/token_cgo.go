//go:build cgo

package keyfile

import (
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/miekg/pkcs11"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/internal/durable"
)

// Numbers of PKCS #11 v3.0 that the binding does not name.
const (
	keyTypeEdwards = 0x40   // CKK_EC_EDWARDS
	mechanismEdDSA = 0x1057 // CKM_EDDSA
)

// token is a key on a token, open for the life of the process.
type token struct {
	public ed25519.PublicKey

	mutex   sync.Mutex // a session does one thing at a time
	module  *pkcs11.Ctx
	session pkcs11.SessionHandle
	key     pkcs11.ObjectHandle
}

// Public implements [crypto.Signer].
func (t *token) Public() crypto.PublicKey { return t.public }

// Sign implements [crypto.Signer] by CKM_EDDSA, which is Ed25519 without
// parameters (PKCS #11 v3.0, 2.3.14).
func (t *token) Sign(_ io.Reader, message []byte, options crypto.SignerOpts) ([]byte, error) {
	if options.HashFunc() != crypto.Hash(0) {
		return nil, errors.New("a token's Ed25519 key signs messages, not digests")
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if err := t.module.SignInit(t.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanismEdDSA, nil)}, t.key); err != nil {
		return nil, err
	}
	return t.module.Sign(t.session, message)
}

// openToken opens the key that the URI names. The session stays open until the
// process ends: a token closes it then.
func openToken(uri string, ask Ask) (*identity.Key, error) {
	u, err := parseURI(uri)
	if err != nil {
		return nil, err
	}
	pin, err := u.askPIN(ask)
	if err != nil {
		return nil, err
	}
	t, err := u.open(pin)
	if err != nil {
		return nil, fmt.Errorf("open key %q of token %q: %w", u.object+u.id, u.token+u.serial, err)
	}
	return identity.NewSignerKey(t, func(err error) { slog.Error("the token does not sign", "error", err) })
}

func (u *tokenURI) askPIN(ask Ask) (string, error) {
	if u.pin != "" {
		b, err := durable.ReadFile(u.pin, maxFileBytes)
		return strings.TrimSpace(string(b)), err
	}
	if ask == nil {
		return "", fmt.Errorf("open token %q: nobody can be asked for the PIN: %w", u.token+u.serial, ErrLocked)
	}
	return ask("PIN of token " + u.token + u.serial)
}

func (u *tokenURI) open(pin string) (_ *token, err error) {
	module := pkcs11.New(u.module)
	if module == nil {
		return nil, fmt.Errorf("%s is no library of PKCS #11", u.module)
	}
	t := &token{module: module}
	opened := false
	defer func() {
		if err != nil {
			if opened {
				err = errors.Join(err, module.CloseSession(t.session))
			}
			module.Destroy()
		}
	}()
	// Another key of this process may have opened the library before.
	if err := module.Initialize(); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
		return nil, fmt.Errorf("initialise %s: %w", u.module, err)
	}
	slot, err := u.slot(module)
	if err != nil {
		return nil, err
	}
	if t.session, err = module.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION); err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	opened = true
	if err := module.Login(t.session, pkcs11.CKU_USER, pin); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_USER_ALREADY_LOGGED_IN)) {
		return nil, fmt.Errorf("log in: %w: %w", ErrLocked, err)
	}
	if t.key, err = u.find(t, pkcs11.CKO_PRIVATE_KEY); err != nil {
		return nil, fmt.Errorf("find the private key: %w", err)
	}
	t.public, err = u.publicKey(t)
	return t, err
}

// slot finds the one slot whose token has the names.
func (u *tokenURI) slot(module *pkcs11.Ctx) (uint, error) {
	slots, err := module.GetSlotList(true)
	if err != nil {
		return 0, fmt.Errorf("list tokens: %w", err)
	}
	var found []uint
	for _, slot := range slots {
		info, err := module.GetTokenInfo(slot)
		if err != nil {
			return 0, fmt.Errorf("read a token's name: %w", err)
		}
		if (u.token == "" || info.Label == u.token) && (u.serial == "" || info.SerialNumber == u.serial) {
			found = append(found, slot)
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%d tokens have that name, want one", len(found))
	}
	return found[0], nil
}

// find returns the one Ed25519 key of the class that has the names.
func (u *tokenURI) find(t *token, class uint) (pkcs11.ObjectHandle, error) {
	template := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, class), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, uint(keyTypeEdwards)),
	}
	if u.object != "" {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_LABEL, u.object))
	}
	if u.id != "" {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_ID, u.id))
	}
	if err := t.module.FindObjectsInit(t.session, template); err != nil {
		return 0, err
	}
	found, _, err := t.module.FindObjects(t.session, 2)
	if err = errors.Join(err, t.module.FindObjectsFinal(t.session)); err != nil {
		return 0, err
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%d or more Ed25519 keys have that name, want one", len(found))
	}
	return found[0], nil
}

// publicKey reads the public key that lies beside the private one. CKA_EC_POINT
// is a DER octet string.
func (u *tokenURI) publicKey(t *token) (ed25519.PublicKey, error) {
	object, err := u.find(t, pkcs11.CKO_PUBLIC_KEY)
	if err != nil {
		return nil, fmt.Errorf("find the public key: %w", err)
	}
	attributes, err := t.module.GetAttributeValue(t.session, object, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil)})
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	point := attributes[0].Value
	if len(point) == ed25519.PublicKeySize+2 && point[0] == 4 && point[1] == ed25519.PublicKeySize {
		point = point[2:]
	}
	if len(point) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("read the public key: %d bytes, want %d", len(point), ed25519.PublicKeySize)
	}
	return ed25519.PublicKey(point), nil
}
