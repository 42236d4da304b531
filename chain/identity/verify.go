package identity

import (
	"errors"
	"fmt"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519/extra/cache"

	"github.com/librum/librum/chain/ledger"
)

// ErrWeakKey refuses a public key at enrolment (invariant 2).
var ErrWeakKey = errors.New("public key is not fit for enrolment")

// zip215 returns the rules of ZIP-215: cofactored, with non-canonical points
// allowed, S below the group's order.
func zip215() *ed25519.Options { return &ed25519.Options{Verify: ed25519.VerifyOptionsZIP_215} }

// Verify reports whether signature is key's over message by ZIP-215. It is a
// [ledger.VerifyFunc].
func Verify(key ledger.PublicKey, message []byte, signature [ledger.SignatureSize]byte) bool {
	return ed25519.VerifyWithOptions(key[:], message, signature[:], zip215())
}

// VerifyEnvelope reports whether the envelope was signed as kind by key.
func VerifyEnvelope(key ledger.PublicKey, e *ledger.Envelope, kind ledger.Kind) bool {
	return e.Key == key.ID() && Verify(key, e.SigStructure(kind), e.Signature)
}

// CheckEnrolment refuses keys that no member may have.
func CheckEnrolment(key ledger.PublicKey) error {
	var point curve.EdwardsPoint
	compressed := curve.CompressedEdwardsY(key)
	if _, err := point.SetCompressedY(&compressed); err != nil {
		return fmt.Errorf("%w: %s is not a point of the curve", ErrWeakKey, key.ID().Short())
	}
	if point.IsSmallOrder() {
		return fmt.Errorf("%w: %s has small order", ErrWeakKey, key.ID().Short())
	}
	var again curve.CompressedEdwardsY
	if again.SetEdwardsPoint(&point); again != compressed {
		return fmt.Errorf("%w: %s is not in canonical form", ErrWeakKey, key.ID().Short())
	}
	return nil
}

// Verifier checks signatures of keys that come again and again: it keeps the
// expanded form of the newest ones, which spares a seventh of a check
// (BenchmarkVerify). It is safe for concurrent use and its verdicts equal
// [Verify]'s.
type Verifier struct{ cached *cache.Verifier }

// NewVerifier returns a verifier that keeps up to keys expanded keys of about
// 1.5 KiB each.
func NewVerifier(keys int) *Verifier {
	return &Verifier{cached: cache.NewVerifier(cache.NewLRUCache(keys))}
}

// Verify reports whether signature is key's over message by ZIP-215.
func (v *Verifier) Verify(key ledger.PublicKey, message []byte, signature [ledger.SignatureSize]byte) bool {
	return v.cached.VerifyWithOptions(key[:], message, signature[:], zip215())
}
