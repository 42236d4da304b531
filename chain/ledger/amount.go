package ledger

import (
	"fmt"
	"strings"

	"github.com/holiman/uint256"
)

// Amount is an unsigned 256-bit number of the smallest token unit. In CBOR it
// is a big-endian byte string without leading zeros, in text a decimal number.
// The number is not embedded: its own methods wrap around silently.
type Amount struct{ n uint256.Int }

// NewAmount returns n units.
func NewAmount(n uint64) Amount { return Amount{*uint256.NewInt(n)} }

// MaxAmount returns 2^256 − 1, the largest there is.
func MaxAmount() Amount {
	var a Amount
	a.n.SetAllOne()
	return a
}

// ParseAmount reads a decimal number without sign or leading zeros.
func ParseAmount(s string) (Amount, error) {
	var a Amount
	if strings.HasPrefix(s, "+") || len(s) > 1 && s[0] == '0' || a.n.SetFromDecimal(s) != nil {
		return Amount{}, fmt.Errorf("read amount %.80q: want a decimal number below 2^256 without sign or leading zeros", s)
	}
	return a, nil
}

// Plus returns a + b, or false where the sum has more than 256 bits.
func (a Amount) Plus(b Amount) (sum Amount, ok bool) {
	_, overflow := sum.n.AddOverflow(&a.n, &b.n)
	return sum, !overflow
}

// Minus returns a − b, or false where b is larger.
func (a Amount) Minus(b Amount) (difference Amount, ok bool) {
	_, overflow := difference.n.SubOverflow(&a.n, &b.n)
	return difference, !overflow
}

// Times returns a · n, or false where the product has more than 256 bits.
func (a Amount) Times(n uint64) (product Amount, ok bool) {
	_, overflow := product.n.MulOverflow(&a.n, uint256.NewInt(n))
	return product, !overflow
}

// Bytes32 returns the number in 32 bytes, big-endian, so that bytes sort as the
// numbers do.
func (a Amount) Bytes32() [32]byte { return a.n.Bytes32() }

// AmountOf returns the number in 32 bytes, the reverse of [Amount.Bytes32].
func AmountOf(b [32]byte) Amount {
	var a Amount
	a.n.SetBytes32(b[:])
	return a
}

// Cmp compares a and b: −1, 0 or 1.
func (a Amount) Cmp(b Amount) int { return a.n.Cmp(&b.n) }

// IsZero reports whether the amount is 0.
func (a Amount) IsZero() bool { return a.n.IsZero() }

// String returns the decimal number.
func (a Amount) String() string { return a.n.Dec() }

// MarshalText implements [encoding.TextMarshaler].
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.n.Dec()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (a *Amount) UnmarshalText(text []byte) error {
	b, err := ParseAmount(string(text))
	*a = b
	return err
}

// MarshalJSON implements json.Marshaler: a string, since most readers of JSON
// lose digits beyond 2^53.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(`"` + a.n.Dec() + `"`), nil }

// UnmarshalJSON implements json.Unmarshaler; bare numbers are refused.
func (a *Amount) UnmarshalJSON(b []byte) error {
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return fmt.Errorf("read amount %.80q: want a decimal number in quotes", b)
	}
	return a.UnmarshalText(b[1 : len(b)-1])
}

// MarshalCBOR implements cbor.Marshaler.
func (a Amount) MarshalCBOR() ([]byte, error) {
	n := (a.n.BitLen() + 7) / 8
	b := appendByteStringHead(make([]byte, 0, headSize(n)+n), n)
	whole := a.n.Bytes32()
	return append(b, whole[len(whole)-n:]...), nil
}

// UnmarshalCBOR implements cbor.Unmarshaler.
func (a *Amount) UnmarshalCBOR(b []byte) error {
	n, head, ok := readByteStringHead(b)
	if !ok || len(b) != head+n || n > 32 || n > 0 && b[head] == 0 {
		return fmt.Errorf("read amount: want a byte string of at most 32 bytes without leading zeros")
	}
	a.n.SetBytes(b[head:])
	return nil
}

// read implements byHand.
func (a *Amount) read(b []byte) bool { return a.UnmarshalCBOR(b) == nil }
