package kernel

import (
	"math"
	"math/bits"
)

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

// Keys stores the numbers of a tile so that they compare as integers of 64
// bits, those of uint64 too.
func (Int[T]) Keys(dst []int64, raw []byte) {
	for i, x := range view[T](raw)[:len(dst)] {
		dst[i] = int64(x) ^ offset[T]()
	}
}

// Middle stores, for each column of sorted keys, the mean of the rows first to
// last, ties to even.
func (Int[T]) Middle(raw []byte, sorted [][]int64, first, last int) {
	dst := view[T](raw)
	for i := range dst {
		var acc Int128
		for _, row := range sorted[first : last+1] {
			x := T(row[i] ^ offset[T]())
			hi := int64(0)
			if x < 0 {
				hi = -1
			}
			var carry uint64
			acc.Lo, carry = bits.Add64(acc.Lo, uint64(int64(x)), 0)
			acc.Hi += hi + int64(carry)
		}
		dst[i] = T(mean(acc, uint64(last+1-first)))
	}
}

// offset is what makes a key of T's numbers: only those of uint64 need one.
func offset[T integer]() int64 {
	if most := ^T(0); most > 0 && uint64(most) == math.MaxUint64 {
		return math.MinInt64
	}
	return 0
}
