package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Digest is a SHA-256 digest; in text it is 64 lower-case hexadecimal digits.
type Digest [32]byte

// ID names a member, node, organisation or peer: 16 random bytes, so that
// nothing about a person can be read from it. In text it is 32 lower-case
// hexadecimal digits.
type ID [16]byte

// Hash returns the SHA-256 digest of b.
func Hash(b []byte) Digest { return sha256.Sum256(b) }

// String returns the digest as hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Short returns the first eight hexadecimal digits, for people.
func (d Digest) Short() string { return hex.EncodeToString(d[:4]) }

// IsZero reports whether no digest was set.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText implements [encoding.TextMarshaler].
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Digest) UnmarshalText(text []byte) error { return decodeHex(d[:], text) }

// ParseDigest reads 64 hexadecimal digits.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	if err := d.UnmarshalText([]byte(s)); err != nil {
		return Digest{}, err
	}
	return d, nil
}

// String returns the id as hexadecimal digits.
func (i ID) String() string { return hex.EncodeToString(i[:]) }

// Short returns the first eight hexadecimal digits, for people.
func (i ID) Short() string { return hex.EncodeToString(i[:4]) }

// IsZero reports whether no id was set.
func (i ID) IsZero() bool { return i == ID{} }

// MarshalText implements [encoding.TextMarshaler].
func (i ID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, i[:]), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (i *ID) UnmarshalText(text []byte) error { return decodeHex(i[:], text) }

// ParseID reads 32 hexadecimal digits.
func ParseID(s string) (ID, error) {
	var i ID
	if err := i.UnmarshalText([]byte(s)); err != nil {
		return ID{}, err
	}
	return i, nil
}

func decodeHex(dst, text []byte) error {
	if len(text) != 2*len(dst) {
		return fmt.Errorf("read identifier: %d characters, want %d hexadecimal digits", len(text), 2*len(dst))
	}
	for n, c := range text {
		if c >= 'A' && c <= 'F' {
			return fmt.Errorf("read identifier: upper-case digit at character %d, want 0-9 a-f", n)
		}
	}
	if _, err := hex.Decode(dst, text); err != nil {
		return fmt.Errorf("read identifier: %w", err)
	}
	return nil
}
