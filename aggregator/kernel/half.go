package kernel

import "math"

// The two 16-bit formats: bits of mantissa and bias of the exponent.
const (
	halfMantissa, halfBias   = 10, 15 // IEEE 754 binary16
	brainMantissa, brainBias = 7, 127 // bfloat16
)

// halfToFloat widens a binary16, exactly.
func halfToFloat(h uint16) float64 {
	sign := uint64(h&0x8000) << 48
	exponent, fraction := uint64(h>>10&0x1f), uint64(h&0x3ff)
	switch exponent {
	case 0: // zero or subnormal: fraction · 2^-24
		return math.Copysign(float64(fraction)*0x1p-24, math.Float64frombits(sign|1))
	case 0x1f: // infinity or NaN
		return math.Float64frombits(sign | 0x7ff<<52 | fraction<<42)
	}
	return math.Float64frombits(sign | (exponent+1023-halfBias)<<52 | fraction<<42)
}

// brainToFloat widens a bfloat16, the upper half of a float32, exactly.
func brainToFloat(h uint16) float64 {
	return float64(math.Float32frombits(uint32(h) << 16))
}

// narrow rounds x once, to nearest and ties to even, to a 16-bit float with
// the given mantissa and bias. Going through float32 would round twice and
// miss ties.
func narrow(x float64, mantissa uint, bias int) uint16 {
	bits := math.Float64bits(x)
	sign := uint16(bits >> 48 & 0x8000)
	infinity := uint16(0x7fff) >> mantissa << mantissa
	exponent := int(bits >> 52 & 0x7ff)
	switch {
	case exponent == 0x7ff && bits<<12 != 0:
		return sign | infinity | 1<<(mantissa-1) // quiet NaN
	case exponent == 0x7ff:
		return sign | infinity
	case exponent == 0:
		return sign // zero, or far below the smallest subnormal
	}
	exponent -= 1023
	significand := bits&(1<<52-1) | 1<<52
	shift := 52 - mantissa
	if lowest := 1 - bias; exponent < lowest { // becomes subnormal
		shift += uint(lowest - exponent)
		exponent = lowest
		if shift >= 54 {
			return sign // below half of the smallest subnormal
		}
	}
	quotient := significand >> shift
	rest, half := significand&(1<<shift-1), uint64(1)<<(shift-1)
	if rest > half || rest == half && quotient&1 == 1 {
		quotient++
	}
	// The quotient's leading one adds one to the exponent field, so does a
	// carry out of the rounding; a subnormal has no leading one.
	field := uint64(exponent+bias-1)<<mantissa + quotient
	return sign | uint16(min(field, uint64(infinity)))
}
