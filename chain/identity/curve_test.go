package identity_test

import (
	"crypto/sha512"
	"math/big"
	"slices"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"

	"github.com/librum/librum/chain/ledger"
)

// prime is 2^255 − 19.
var prime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))

// order is L, the order of the base point.
func order() *big.Int {
	l, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	return l.Add(l, new(big.Int).Lsh(big.NewInt(1), 252))
}

// smallOrder returns all 32-byte strings that ZIP-215 reads as a point of the
// 8-torsion: each y of such a point, also where y + p still has 255 bits, with
// both signs, also where x is zero. They ascend bytewise.
func smallOrder(tb testing.TB) [][32]byte {
	tb.Helper()
	inverse := func(n *big.Int) *big.Int { return new(big.Int).ModInverse(n, prime) }
	mod := func(n *big.Int) *big.Int { return n.Mod(n, prime) }
	// d = −121665/121666.
	d := mod(new(big.Int).Mul(big.NewInt(-121665), inverse(big.NewInt(121666))))
	ys := []*big.Int{big.NewInt(0), big.NewInt(1), new(big.Int).Sub(prime, big.NewInt(1))}
	// A point of order 8 doubles to one with y = 0, so x² = −y², and the curve
	// −x² + y² = 1 + d·x²·y² becomes d·y⁴ + 2y² − 1 = 0: y² = (−1 ± √(1+d))/d.
	root := new(big.Int).ModSqrt(mod(new(big.Int).Add(d, big.NewInt(1))), prime)
	for _, r := range []*big.Int{root, new(big.Int).Neg(root)} {
		square := mod(new(big.Int).Mul(mod(new(big.Int).Sub(r, big.NewInt(1))), inverse(d)))
		if y := new(big.Int).ModSqrt(square, prime); y != nil {
			ys = append(ys, y, new(big.Int).Sub(prime, y))
		}
	}
	var all [][32]byte
	for _, y := range ys {
		for _, written := range []*big.Int{y, new(big.Int).Add(y, prime)} {
			if written.BitLen() > 255 {
				continue
			}
			var b [32]byte
			written.FillBytes(b[:])
			slices.Reverse(b[:])
			all = append(all, b)
			b[31] |= 0x80
			all = append(all, b)
		}
	}
	slices.SortFunc(all, func(a, b [32]byte) int { return slices.Compare(a[:], b[:]) })
	return all
}

func decompress(tb interface{ Fatal(...any) }, b [32]byte) *curve.EdwardsPoint {
	compressed := curve.CompressedEdwardsY(b)
	p, err := new(curve.EdwardsPoint).SetCompressedY(&compressed)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func compress(p *curve.EdwardsPoint) (b [32]byte) {
	var c curve.CompressedEdwardsY
	c.SetEdwardsPoint(p)
	return c
}

func wide(tb interface{ Fatal(...any) }, parts ...[]byte) *scalar.Scalar {
	h := sha512.Sum512(slices.Concat(parts...))
	s, err := scalar.NewFromBytesModOrderWide(h[:])
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// crafted signs message under the key a·B + torsion with the nonce point
// r·B + another torsion point: by ZIP-215, whose equation is multiplied by the
// cofactor, that always holds.
func crafted(tb interface{ Fatal(...any) }, a, r *scalar.Scalar, torsionA, torsionR [32]byte, message []byte) (ledger.PublicKey, [ledger.SignatureSize]byte) {
	point := func(s *scalar.Scalar, torsion [32]byte) [32]byte {
		p := new(curve.EdwardsPoint).MulBasepoint(curve.ED25519_BASEPOINT_TABLE, s)
		return compress(p.Add(p, decompress(tb, torsion)))
	}
	key, nonce := point(a, torsionA), point(r, torsionR)
	k := wide(tb, nonce[:], key[:], message)
	s := new(scalar.Scalar)
	s.Add(r, s.Mul(k, a))
	var signature [ledger.SignatureSize]byte
	copy(signature[:], nonce[:])
	if err := s.ToBytes(signature[32:]); err != nil {
		tb.Fatal(err)
	}
	return key, signature
}
