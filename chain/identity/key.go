package identity

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"

	"github.com/librum/librum/chain/ledger"
)

// Key is an Ed25519 private key (RFC 8032) with its id. It holds the private
// part itself, or has a signer that does, such as a token.
type Key struct {
	private ed25519.PrivateKey // nil where the signer holds it
	signer  crypto.Signer
	failed  func(error)
	public  ledger.PublicKey
	id      ledger.Digest
}

// ErrKey is what an unreadable key unwraps to.
var ErrKey = errors.New("not an Ed25519 key")

// ErrHeld is what writing a key unwraps to that a signer does not give away.
var ErrHeld = errors.New("the private key can't leave the device that holds it")

// NewKey makes a key from 32 bytes of random.
func NewKey(random io.Reader) (*Key, error) {
	var seed [ed25519.SeedSize]byte
	if _, err := io.ReadFull(random, seed[:]); err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return KeyFromSeed(seed), nil
}

// NewSignerKey returns a key whose private part stays with the signer. Where the
// signer can't sign, failed hears why, and the signature is one that no key
// makes: whoever it is sent to refuses it.
func NewSignerKey(signer crypto.Signer, failed func(error)) (*Key, error) {
	public, ok := signer.Public().(ed25519.PublicKey)
	if !ok || len(public) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%w: the signer has a %T", ErrKey, signer.Public())
	}
	k := &Key{signer: signer, failed: failed, public: ledger.PublicKey(public)}
	k.id = k.public.ID()
	return k, nil
}

// KeyFromSeed returns the key of an RFC 8032 seed.
func KeyFromSeed(seed [ed25519.SeedSize]byte) *Key {
	k := &Key{private: ed25519.NewKeyFromSeed(seed[:])}
	copy(k.public[:], k.private[ed25519.SeedSize:])
	k.id = k.public.ID()
	return k
}

// ID returns the SHA-256 of the public key.
func (k *Key) ID() ledger.Digest { return k.id }

// Public returns the public key.
func (k *Key) Public() ledger.PublicKey { return k.public }

// Sign signs message; it is a [ledger.SignFunc].
func (k *Key) Sign(message []byte) (signature [ledger.SignatureSize]byte) {
	if k.private != nil {
		copy(signature[:], ed25519.Sign(k.private, message))
		return signature
	}
	made, err := k.signer.Sign(nil, message, crypto.Hash(0)) // Ed25519 needs no randomness
	if err == nil && len(made) != ledger.SignatureSize {
		err = fmt.Errorf("a signature of %d bytes, want %d", len(made), ledger.SignatureSize)
	}
	if err != nil {
		k.failed(fmt.Errorf("sign with key %s: %w", k.id.Short(), err))
		return [ledger.SignatureSize]byte(bytes.Repeat([]byte{0xff}, ledger.SignatureSize)) // S is no scalar
	}
	return [ledger.SignatureSize]byte(made)
}

// Signer returns what signs for X.509 and TLS.
func (k *Key) Signer() crypto.Signer {
	if k.private != nil {
		return k.private
	}
	return k.signer
}

// String names the key by its public part.
func (k Key) String() string { return "private key " + k.id.Short() + " (not shown)" }

// Format keeps the private part out of every verb, for the key and for a
// pointer to it alike.
func (k Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, k.String()) }

const (
	pemType     = "PRIVATE KEY"
	maxPEMBytes = 4 << 10 // a key has about 120 bytes
)

// MarshalPEM returns the key as PKCS #8 in PEM.
func (k *Key) MarshalPEM() ([]byte, error) {
	if k.private == nil {
		return nil, fmt.Errorf("encode key %s: %w", k.id.Short(), ErrHeld)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

// ParsePEM reads a key that [Key.MarshalPEM] wrote. Its errors never hold key
// material.
func ParsePEM(b []byte) (*Key, error) {
	if len(b) > maxPEMBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrKey, len(b), maxPEMBytes)
	}
	block, rest := pem.Decode(b)
	if block == nil || block.Type != pemType || len(rest) != 0 {
		return nil, fmt.Errorf("%w: want one PEM block of type %q", ErrKey, pemType)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: not PKCS #8", ErrKey)
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%w: PKCS #8 holds a %T", ErrKey, parsed)
	}
	// The parser overlooks bytes behind the key.
	if der, err := x509.MarshalPKCS8PrivateKey(private); err != nil || !bytes.Equal(der, block.Bytes) {
		return nil, fmt.Errorf("%w: want PKCS #8 in DER that holds the seed and nothing else", ErrKey)
	}
	return KeyFromSeed([ed25519.SeedSize]byte(private.Seed())), nil
}

// Check reports whether signature is this key's over message by crypto/ed25519,
// which is stricter than [Verify]; benchmarks compare the two.
func (k *Key) Check(message []byte, signature [ledger.SignatureSize]byte) bool {
	return ed25519.Verify(k.public[:], message, signature[:])
}

// KeyIn returns the one of the keys that a group lists for a node, nil for none.
func KeyIn(group *ledger.Group, node ledger.ID, keys ...*Key) *Key {
	member, ok := group.Find(node)
	if !ok {
		return nil
	}
	for _, key := range keys {
		if key.Public() == member.Key {
			return key
		}
	}
	return nil
}
