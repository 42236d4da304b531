package kernel

import "math/bits"

// integer is what an integer tensor may hold. A BOOL is a uint8 that is 0 or 1.
type integer interface {
	int64 | int32 | int16 | int8 | uint64 | uint32 | uint16 | uint8
}

// Int128 is an accumulator in two's complement: Hi·2^64 + Lo. A weighted sum
// of 2^31 numbers of 64 bits with weights below 2^29 stays inside it.
type Int128 struct {
	Hi int64
	Lo uint64
}

// Int is the kernel of the integer type T; see [F32] for what its methods
// take.
type Int[T integer] struct{}

// Add folds a tile into acc.
func (Int[T]) Add(acc []Int128, raw []byte, weight uint64) {
	for i, x := range view[T](raw)[:len(acc)] {
		a := &acc[i]
		var carry, borrow uint64
		if x < 0 {
			hi, lo := bits.Mul64(-uint64(int64(x)), weight)
			a.Lo, borrow = bits.Sub64(a.Lo, lo, 0)
			hi, _ = bits.Sub64(uint64(a.Hi), hi, borrow)
			a.Hi = int64(hi)
			continue
		}
		hi, lo := bits.Mul64(uint64(x), weight)
		a.Lo, carry = bits.Add64(a.Lo, lo, 0)
		hi, _ = bits.Add64(uint64(a.Hi), hi, carry)
		a.Hi = int64(hi)
	}
}

// Mean stores acc/total, ties to even. It needs |acc| < total·2^64, which
// every weighted sum of 64-bit numbers with that total weight keeps.
func (Int[T]) Mean(raw []byte, acc []Int128, total uint64) {
	dst := view[T](raw)[:len(acc)]
	for i, a := range acc {
		quotient := mean(a, total)
		dst[i] = T(quotient)
	}
}

// mean returns the rounded quotient modulo 2^64, in two's complement.
func mean(a Int128, total uint64) uint64 {
	negative := a.Hi < 0
	hi, lo := uint64(a.Hi), a.Lo
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	quotient, rest := bits.Div64(hi, lo, total)
	if opposite := total - rest; rest > opposite || rest == opposite && quotient&1 == 1 {
		quotient++
	}
	if negative {
		return -quotient
	}
	return quotient
}
