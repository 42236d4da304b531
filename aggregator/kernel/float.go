package kernel

// Bound is the magnitude from which on a float64 counts as not finite: below
// it the weighted sum of 2^31 numbers with weights below 2^29 stays finite, and
// so does the sum of as many squared differences. All finite numbers of the
// narrower types are below it.
const Bound = 0x1p480

// MaxWeight bounds weights from above, exclusively: with it the product with
// a float32 (24 bits) is exact in float64 (53 bits).
const MaxWeight = 1 << 29

// F64, F32, F16 and BF16 are the kernels of the float types. Their methods
// take tiles in this machine's byte order: len(raw) is len(acc) times the
// type's size.
type (
	F64  struct{}
	F32  struct{}
	F16  struct{}
	BF16 struct{}
)

// Add folds a tile into acc.
func (F64) Add(acc []float64, raw []byte, weight float64) {
	for i, x := range view[float64](raw)[:len(acc)] {
		acc[i] += float64(x * weight)
	}
}

// Mean stores acc/total.
func (F64) Mean(raw []byte, acc []float64, total float64) {
	dst := view[float64](raw)[:len(acc)]
	for i, a := range acc {
		dst[i] = a / total
	}
}

// Widen stores the tile's numbers in dst.
func (F64) Widen(dst []float64, raw []byte) { copy(dst, view[float64](raw)) }

// Add folds a tile into acc.
func (F32) Add(acc []float64, raw []byte, weight float64) {
	add(acc, view[float32](raw), weight)
}

// addF32 is what add does, in Go: the twin of the vector code, and what runs where
// there is none. Nearly all of an aggregation's time goes into it there. Blocks
// of a constant length let the compiler drop every bounds check; with eight
// coordinates a turn the conversions, not the loop, are what it waits for.
func addF32(acc []float64, src []float32, weight float64) {
	const block = 512
	for len(acc) >= block && len(src) >= block {
		a, s := (*[block]float64)(acc), (*[block]float32)(src)
		for i := 0; i < block; i += 8 {
			a[i] += float64(float64(s[i]) * weight)
			a[i+1] += float64(float64(s[i+1]) * weight)
			a[i+2] += float64(float64(s[i+2]) * weight)
			a[i+3] += float64(float64(s[i+3]) * weight)
			a[i+4] += float64(float64(s[i+4]) * weight)
			a[i+5] += float64(float64(s[i+5]) * weight)
			a[i+6] += float64(float64(s[i+6]) * weight)
			a[i+7] += float64(float64(s[i+7]) * weight)
		}
		acc, src = acc[block:], src[block:]
	}
	for i := range acc {
		acc[i] += float64(float64(src[i]) * weight)
	}
}

// Mean stores acc/total, rounded to float32.
func (F32) Mean(raw []byte, acc []float64, total float64) {
	divide(view[float32](raw)[:len(acc)], acc, total)
}

// meanF32 is what divide does, in Go.
func meanF32(dst []float32, acc []float64, total float64) {
	dst = dst[:len(acc)]
	for i, a := range acc {
		dst[i] = float32(a / total)
	}
}

// Widen stores the tile's numbers in dst.
func (F32) Widen(dst []float64, raw []byte) {
	for i, x := range view[float32](raw)[:len(dst)] {
		dst[i] = float64(x)
	}
}

// Add folds a tile into acc.
func (F16) Add(acc []float64, raw []byte, weight float64) {
	for i, h := range view[uint16](raw)[:len(acc)] {
		acc[i] += float64(halfToFloat(h) * weight)
	}
}

// Mean stores acc/total, rounded to half precision.
func (F16) Mean(raw []byte, acc []float64, total float64) {
	dst := view[uint16](raw)[:len(acc)]
	for i, a := range acc {
		dst[i] = narrow(a/total, halfMantissa, halfBias)
	}
}

// Widen stores the tile's numbers in dst.
func (F16) Widen(dst []float64, raw []byte) {
	for i, h := range view[uint16](raw)[:len(dst)] {
		dst[i] = halfToFloat(h)
	}
}

// Add folds a tile into acc.
func (BF16) Add(acc []float64, raw []byte, weight float64) {
	for i, h := range view[uint16](raw)[:len(acc)] {
		acc[i] += float64(brainToFloat(h) * weight)
	}
}

// Mean stores acc/total, rounded to bfloat16.
func (BF16) Mean(raw []byte, acc []float64, total float64) {
	dst := view[uint16](raw)[:len(acc)]
	for i, a := range acc {
		dst[i] = narrow(a/total, brainMantissa, brainBias)
	}
}

// Widen stores the tile's numbers in dst.
func (BF16) Widen(dst []float64, raw []byte) {
	for i, h := range view[uint16](raw)[:len(dst)] {
		dst[i] = brainToFloat(h)
	}
}
