package kernel

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// naiveMean divides exactly and rounds half to even.
func naiveMean(sum *big.Int, total uint64) *big.Int {
	// floor(2·sum/total + 1)/2 decides between the neighbours; do it in full.
	quotient, rest := new(big.Int).DivMod(sum, new(big.Int).SetUint64(total), new(big.Int)) // Euclidean: rest >= 0
	switch twice := new(big.Int).Lsh(rest, 1); twice.Cmp(new(big.Int).SetUint64(total)) {
	case 1:
		quotient.Add(quotient, big.NewInt(1))
	case 0:
		if quotient.Bit(0) == 1 {
			quotient.Add(quotient, big.NewInt(1))
		}
	}
	return quotient
}

func checkInt[T integer](t *testing.T, name string, size int, low, high *big.Int) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		span := new(big.Int).Sub(high, low)
		rapid.Check(t, func(t *rapid.T) {
			n := rapid.IntRange(0, 9).Draw(t, "n")
			acc, sums := make([]Int128, n), make([]*big.Int, n)
			for i := range sums {
				sums[i] = new(big.Int)
			}
			total := uint64(0)
			for range rapid.IntRange(1, 6).Draw(t, "updates") {
				weight := rapid.OneOf(rapid.Uint64Range(1, 3), rapid.Uint64Range(1, MaxWeight-1)).Draw(t, "weight")
				total += weight
				bits := make([]uint64, n)
				for i := range bits {
					x := new(big.Int).Add(low, new(big.Int).And(new(big.Int).SetUint64(rapid.Uint64().Draw(t, "x")), span))
					sums[i].Add(sums[i], new(big.Int).Mul(x, new(big.Int).SetUint64(weight)))
					bits[i] = new(big.Int).And(x, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
				}
				Int[T]{}.Add(acc, pack(size, bits), weight)
			}
			raw := NewTile(size * n)
			Int[T]{}.Mean(raw, acc, total)
			for i, got := range view[T](raw) {
				if want := naiveMean(sums[i], total).String(); want != bigOf(got).String() {
					t.Fatalf("coordinate %d: %d, the twin has %s", i, got, want)
				}
			}
		})
	})
}

func bigOf[T integer](x T) *big.Int {
	if x < 0 {
		return big.NewInt(int64(x))
	}
	return new(big.Int).SetUint64(uint64(x))
}

func TestIntAgainstNaive(t *testing.T) {
	t.Parallel()
	signed := func(bits uint) (low, high *big.Int) {
		half := new(big.Int).Lsh(big.NewInt(1), bits-1)
		return new(big.Int).Neg(half), new(big.Int).Sub(half, big.NewInt(1))
	}
	unsigned := func(bits uint) (low, high *big.Int) {
		all := new(big.Int).Lsh(big.NewInt(1), bits)
		return new(big.Int), all.Sub(all, big.NewInt(1))
	}
	low, high := signed(64)
	checkInt[int64](t, "I64", 8, low, high)
	low, high = signed(32)
	checkInt[int32](t, "I32", 4, low, high)
	low, high = signed(16)
	checkInt[int16](t, "I16", 2, low, high)
	low, high = signed(8)
	checkInt[int8](t, "I8", 1, low, high)
	low, high = unsigned(64)
	checkInt[uint64](t, "U64", 8, low, high)
	low, high = unsigned(32)
	checkInt[uint32](t, "U32", 4, low, high)
	low, high = unsigned(16)
	checkInt[uint16](t, "U16", 2, low, high)
	low, high = unsigned(8)
	checkInt[uint8](t, "U8", 1, low, high)
}

// TestIntExtremes averages the ends of the range with the largest weights.
func TestIntExtremes(t *testing.T) {
	t.Parallel()
	for _, x := range []int64{math.MinInt64, math.MaxInt64, -1, 0} {
		acc, total := make([]Int128, 1), uint64(0)
		for range 1000 {
			Int[int64]{}.Add(acc, pack(8, []uint64{uint64(x)}), MaxWeight-1)
			total += MaxWeight - 1
		}
		raw := NewTile(8)
		Int[int64]{}.Mean(raw, acc, total)
		if got := view[int64](raw)[0]; got != x {
			t.Errorf("the mean of 1,000 times %d is %d", x, got)
		}
	}
}

func TestReverse(t *testing.T) {
	t.Parallel()
	raw := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	for size, want := range map[int]string{
		1: "\x01\x02\x03\x04\x05\x06\x07\x08", 2: "\x02\x01\x04\x03\x06\x05\x08\x07",
		4: "\x04\x03\x02\x01\x08\x07\x06\x05", 8: "\x08\x07\x06\x05\x04\x03\x02\x01",
	} {
		got := append([]byte(nil), raw...)
		if reverse(got, size); string(got) != want {
			t.Errorf("size %d: % x", size, got)
		}
	}
}
