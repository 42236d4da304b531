package kernel

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// kernelOf is what all float kernels have; load and store are the naive twin's
// way to the stored numbers.
type kernelOf struct {
	name string
	size int
	impl interface {
		Add(acc []float64, raw []byte, weight float64)
		Mean(raw []byte, acc []float64, total float64)
		Widen(dst []float64, raw []byte)
	}
	load  func(bits uint64) float64
	store func(x float64) uint64
}

func floatKernels() []kernelOf {
	halves, brains := sixteenBit(naiveHalf), sixteenBit(naiveBrain)
	return []kernelOf{
		{"F64", 8, F64{}, math.Float64frombits, math.Float64bits},
		{
			"F32", 4,
			F32{},
			func(b uint64) float64 { return float64(math.Float32frombits(uint32(b))) },
			func(x float64) uint64 { return uint64(math.Float32bits(float32(x))) },
		},
		{"F16", 2, F16{}, func(b uint64) float64 { return naiveHalf(uint16(b)) }, halves.nearest},
		{"BF16", 2, BF16{}, func(b uint64) float64 { return naiveBrain(uint16(b)) }, brains.nearest},
	}
}

// naiveHalf follows IEEE 754-2019, 3.4: (-1)^s · 2^(e-15) · 1.f, or
// (-1)^s · 2^-14 · 0.f.
func naiveHalf(h uint16) float64 { return naiveSmall(h, 5, 10) }

func naiveBrain(h uint16) float64 { return naiveSmall(h, 8, 7) }

func naiveSmall(h uint16, exponentBits, fractionBits int) float64 {
	sign := 1.0
	if h>>15 == 1 {
		sign = -1
	}
	bias := 1<<(exponentBits-1) - 1
	e := int(h>>fractionBits) & (1<<exponentBits - 1)
	f := float64(h&(1<<fractionBits-1)) / float64(int(1)<<fractionBits)
	switch {
	case e == 1<<exponentBits-1 && f == 0:
		return sign * math.Inf(1)
	case e == 1<<exponentBits-1:
		return math.NaN()
	case e == 0:
		return sign * math.Ldexp(f, 1-bias)
	}
	return sign * math.Ldexp(1+f, e-bias)
}

// smallTable is every non-negative finite number of a 16-bit type, ascending;
// a number's index is its bits.
type smallTable []float64

func sixteenBit(load func(uint16) float64) smallTable {
	var t smallTable
	for h := uint16(0); !math.IsInf(load(h), 1); h++ {
		t = append(t, load(h))
	}
	return t
}

// nearest searches the table for the number next to x, ties to even bits; what
// is half a step or more beyond the largest becomes infinity.
func (t smallTable) nearest(x float64) uint64 {
	sign := uint64(0)
	if math.Signbit(x) {
		sign, x = 0x8000, -x
	}
	above, exact := slices.BinarySearch(t, x)
	if exact {
		return sign | uint64(above)
	}
	below := above - 1
	step := t[len(t)-1] - t[len(t)-2]
	next := t[len(t)-1] + step
	if above < len(t) {
		next = t[above]
	}
	// Differences of neighbours and of numbers between them are exact here.
	down, up := new(big.Float).Sub(big.NewFloat(x), big.NewFloat(t[below])), new(big.Float).Sub(big.NewFloat(next), big.NewFloat(x))
	switch c := down.Cmp(up); {
	case c < 0, c == 0 && below%2 == 0:
		return sign | uint64(below)
	default:
		return sign | uint64(above)
	}
}

func pack(size int, bits []uint64) []byte {
	raw := NewTile(size * len(bits))
	for i, b := range bits {
		for j := range size {
			raw[i*size+j] = byte(b >> (8 * j))
		}
	}
	ToHost(raw, size)
	return raw
}

func unpack(size int, raw []byte) []uint64 {
	raw = append(NewTile(0), raw...)
	ToHost(raw, size)
	bits := make([]uint64, len(raw)/size)
	for i := range raw {
		bits[i/size] |= uint64(raw[i]) << (8 * (i % size))
	}
	return bits
}

// finite draws the bits of a finite number below Bound.
func (k kernelOf) finite(t *rapid.T) uint64 {
	return rapid.Uint64Range(0, 1<<(8*k.size-1)<<1-1).Filter(func(b uint64) bool {
		return math.Abs(k.load(b)) < Bound
	}).Draw(t, "bits")
}

// TestMeanAgainstNaive folds random tiles and compares each coordinate with a
// twin that computes in big.Float at 53 bits, where nothing can be fused.
func TestMeanAgainstNaive(t *testing.T) {
	t.Parallel()
	for _, k := range floatKernels() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				n := rapid.IntRange(0, 40).Draw(t, "n")
				acc, naive := make([]float64, n), make([]*big.Float, n)
				for i := range naive {
					naive[i] = new(big.Float).SetPrec(53)
				}
				total := uint64(0)
				for range rapid.IntRange(1, 6).Draw(t, "updates") {
					bits := make([]uint64, n)
					weight := rapid.Uint64Range(1, MaxWeight-1).Draw(t, "weight")
					for i := range bits {
						bits[i] = k.finite(t)
						// A subnormal product is the one thing that big.Float
						// rounds differently; it needs a subnormal float64.
						if x := k.load(bits[i]); k.size == 8 && math.Abs(x) < 0x1p-900 {
							bits[i] = 0
						}
						product := new(big.Float).SetPrec(53).Mul(big.NewFloat(k.load(bits[i])), big.NewFloat(float64(weight)))
						naive[i].Add(naive[i], product)
					}
					total += weight
					k.impl.Add(acc, pack(k.size, bits), float64(weight))
				}
				raw := NewTile(k.size * n)
				k.impl.Mean(raw, acc, float64(total))
				for i, got := range unpack(k.size, raw) {
					sum, _ := naive[i].Float64()
					if sum == 0 {
						sum = acc[i] // big.Float and IEEE agree on zeros but for their sign
					}
					if want := k.store(sum / float64(total)); got != want {
						t.Fatalf("coordinate %d: %#x, the twin has %#x", i, got, want)
					}
				}
			})
		})
	}
}

// TestAddF32Blocks compares the unrolled loop with a plain one at lengths
// around its block.
func TestAddF32Blocks(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 7, 8, 511, 512, 513, 1024, 1031, 5000} {
		src, acc, want := make([]float32, n), make([]float64, n), make([]float64, n)
		for i := range src {
			src[i], acc[i] = rng.Float32()-0.5, rng.NormFloat64()
			product := float64(src[i]) * 536_870_911
			want[i] = acc[i] + product
		}
		addF32(acc, src, 536_870_911)
		if !slices.Equal(acc, want) {
			t.Errorf("%d coordinates differ from the plain loop", n)
		}
	}
}

// TestWidenAgainstNaive looks at all 65,536 numbers of the 16-bit types and at
// random ones of the others.
func TestWidenAgainstNaive(t *testing.T) {
	t.Parallel()
	for _, k := range floatKernels() {
		var bits []uint64
		for b := range uint64(1 << 16) {
			if k.size > 2 {
				b = b<<16 | b*40503&0xffff
			}
			if k.size > 4 {
				b |= b << 32
			}
			bits = append(bits, b)
		}
		got := make([]float64, len(bits))
		k.impl.Widen(got, pack(k.size, bits))
		for i, b := range bits {
			want := k.load(b)
			if math.IsNaN(want) && math.IsNaN(got[i]) {
				continue
			}
			if math.Float64bits(got[i]) != math.Float64bits(want) {
				t.Errorf("%s %#x: %v, want %v", k.name, b, got[i], want)
			}
		}
	}
}

// TestNarrow holds the roundings that a way over float32 would get wrong, and
// the ends of the ranges.
func TestNarrow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		x    float64
		half uint16
		bf16 uint16
	}{
		{"zero", 0, 0, 0},
		{"minus zero", math.Copysign(0, -1), 0x8000, 0x8000},
		{"one", 1, 0x3c00, 0x3f80},
		{"a hair above a tie of half", 1 + 0x1p-11 + 0x1p-40, 0x3c01, 0x3f80},
		{"a hair above a tie of bfloat16", 1 + 0x1p-8 + 0x1p-40, 0x3c04, 0x3f81},
		{"tie to even, down", 1 + 0x1p-11, 0x3c00, 0x3f80},
		{"tie to even, up", 1 + 3*0x1p-11, 0x3c02, 0x3f80},
		{"largest half", 65504, 0x7bff, 0x4780},
		{"half overflows", 65520, 0x7c00, 0x4780},
		{"just below", 65519.99, 0x7bff, 0x4780},
		{"smallest half", 0x1p-24, 1, 0x3380},
		{"half of it, a tie", 0x1p-25, 0, 0x3300},
		{"above the tie", 0x1p-25 + 0x1p-60, 1, 0x3300},
		{"three halves of it", 3 * 0x1p-25, 2, 0x33c0},
		{"carry into the normals", 0x1p-14 - 0x1p-26, 0x0400, 0x3880},
		{"smallest bfloat16", 0x1p-133, 0, 1},
		{"tiny", 0x1p-1074, 0, 0},
		{"large", -0x1p900, 0xfc00, 0xff80},
		{"infinity", math.Inf(1), 0x7c00, 0x7f80},
		{"NaN", math.NaN(), 0x7e00, 0x7fc0},
	} {
		if got := narrow(c.x, halfMantissa, halfBias); got != c.half {
			t.Errorf("%s: half %#x, want %#x", c.name, got, c.half)
		}
		if got := narrow(c.x, brainMantissa, brainBias); got != c.bf16 {
			t.Errorf("%s: bfloat16 %#x, want %#x", c.name, got, c.bf16)
		}
	}
}

func TestNarrowAgainstNaive(t *testing.T) {
	t.Parallel()
	halves, brains := sixteenBit(naiveHalf), sixteenBit(naiveBrain)
	rapid.Check(t, func(t *rapid.T) {
		exponent := rapid.IntRange(-140, 130).Draw(t, "exponent")
		// Few bits set make ties likely.
		fraction := rapid.Uint64().Draw(t, "fraction") & rapid.Uint64().Draw(t, "mask") << rapid.IntRange(0, 52).Draw(t, "zeros")
		x := math.Ldexp(1+float64(fraction&(1<<52-1))*0x1p-52, exponent)
		if got, want := narrow(x, halfMantissa, halfBias), halves.nearest(x); uint64(got) != want {
			t.Fatalf("half of %v: %#x, want %#x", x, got, want)
		}
		if got, want := narrow(-x, brainMantissa, brainBias), brains.nearest(-x); uint64(got) != want {
			t.Fatalf("bfloat16 of %v: %#x, want %#x", -x, got, want)
		}
	})
}

func BenchmarkAddF32(b *testing.B) {
	acc, raw := make([]float64, 16<<10), NewTile(64<<10)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		F32{}.Add(acc, raw, 3)
	}
}
