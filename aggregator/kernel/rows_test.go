package kernel

import (
	"cmp"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// awkward draws numbers with ties, both zeros and many magnitudes.
func awkward() *rapid.Generator[float64] {
	return rapid.OneOf(
		rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, -1, 0.5, math.MaxFloat32, -math.MaxFloat32, 5e-324, -5e-324}),
		rapid.Float64Range(-1e3, 1e3),
	)
}

// matrix draws n rows of so many columns.
func matrix(t *rapid.T, n, columns int) [][]float64 {
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = rapid.SliceOfN(awkward(), columns, columns).Draw(t, "row")
	}
	return rows
}

// column sorts one column, −0 below +0.
func column(rows [][]float64, k int) []float64 {
	var xs []float64
	for _, row := range rows {
		xs = append(xs, row[k])
	}
	slices.SortFunc(xs, func(a, b float64) int {
		return cmp.Or(cmp.Compare(a, b), cmp.Compare(math.Copysign(1, a), math.Copysign(1, b)))
	})
	return xs
}

// sortedKeys returns the rows' keys, every column sorted by the network.
func sortedKeys(rows [][]float64) [][]int64 {
	keys := make([][]int64, len(rows))
	for i, row := range rows {
		keys[i] = make([]int64, len(row))
		Keys(keys[i], row)
	}
	Sort(keys)
	return keys
}

// TestSortAgainstNaive holds the network, the keys and both means of columns
// against sorting and adding one column at a time.
func TestSortAgainstNaive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, columns := rapid.IntRange(1, 40).Draw(t, "n"), rapid.IntRange(0, 5).Draw(t, "columns")
		rows := matrix(t, n, columns)
		keys := sortedKeys(rows)
		first := rapid.IntRange(0, n-1).Draw(t, "first")
		last := rapid.IntRange(first, n-1).Draw(t, "last")
		count := rapid.IntRange(1, n).Draw(t, "count")
		middle, nearest := make([]float64, columns), make([]float64, columns)
		Middle(middle, keys, first, last)
		Nearest(nearest, keys, count)
		for k := range columns {
			want := column(rows, k)
			for i := range want {
				if got := unkey(keys[i][k]); math.Float64bits(got) != math.Float64bits(want[i]) {
					t.Fatalf("column %d, rank %d: %v, want %v", k, i, got, want[i])
				}
			}
			sum := 0.0
			for _, x := range want[first : last+1] {
				sum += x
			}
			if got := sum / float64(last+1-first); middle[k] != got {
				t.Fatalf("mean of ranks %d to %d: %v, want %v", first, last, middle[k], got)
			}
			if got := naiveNearest(want, count); nearest[k] != got {
				t.Fatalf("mean of the %d nearest of %v: %v, want %v", count, want, nearest[k], got)
			}
		}
	})
}

// naiveNearest drops, one after the other, the end that is farther from the
// median; of two as far the larger.
func naiveNearest(sorted []float64, count int) float64 {
	n := len(sorted)
	median := (sorted[(n-1)/2] + sorted[n/2]) / 2
	left := slices.Clone(sorted)
	for len(left) > count {
		last := len(left) - 1
		if math.Abs(left[0]-median) > math.Abs(left[last]-median) {
			left = left[1:]
		} else {
			left = left[:last]
		}
	}
	sum := 0.0
	for _, x := range left {
		sum += x
	}
	return sum / float64(count)
}

// TestSortEverySize sorts reversed and rotated columns of every number of rows
// up to a few powers of two.
func TestSortEverySize(t *testing.T) {
	t.Parallel()
	for n := range 140 {
		keys := make([][]int64, n)
		for i := range keys {
			keys[i] = []int64{int64(n - i), int64((i + n/3) % max(n, 1)), int64(i % 3)}
		}
		Sort(keys)
		for i := 1; i < n; i++ {
			for k := range keys[i] {
				if keys[i-1][k] > keys[i][k] {
					t.Fatalf("%d rows: column %d is not sorted at %d", n, k, i)
				}
			}
		}
	}
}

// integerMiddle checks one type against unbounded integers.
func integerMiddle[T integer](t *testing.T, draw *rapid.Generator[T]) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "n")
		xs := rapid.SliceOfN(draw, n, n).Draw(t, "xs")
		first := rapid.IntRange(0, n-1).Draw(t, "first")
		last := rapid.IntRange(first, n-1).Draw(t, "last")
		var k Int[T]
		keys := make([][]int64, n)
		for i, x := range xs {
			raw := NewTile(8)
			view[T](raw)[0] = x
			keys[i] = make([]int64, 1)
			k.Keys(keys[i], raw)
		}
		Sort(keys)
		raw := NewTile(8)
		size := 8 / len(view[T](raw))
		k.Middle(raw[:size], keys, first, last)
		slices.Sort(xs)
		sum := new(big.Int)
		for _, x := range xs[first : last+1] {
			if x < 0 {
				sum.Add(sum, big.NewInt(int64(x)))
			} else {
				sum.Add(sum, new(big.Int).SetUint64(uint64(x)))
			}
		}
		want := halfEven(sum, int64(last+1-first))
		got := new(big.Int).SetUint64(uint64(view[T](raw)[0]))
		if view[T](raw)[0] < 0 {
			got.SetInt64(int64(view[T](raw)[0]))
		}
		if got.Cmp(want) != 0 {
			t.Fatalf("mean of ranks %d to %d of %v: %v, want %v", first, last, xs, got, want)
		}
	})
}

// halfEven divides, ties to even.
func halfEven(sum *big.Int, by int64) *big.Int {
	quotient, rest := new(big.Int).DivMod(sum, big.NewInt(by), new(big.Int))
	double := new(big.Int).Lsh(rest, 1)
	if c := double.Cmp(big.NewInt(by)); c > 0 || c == 0 && quotient.Bit(0) == 1 {
		quotient.Add(quotient, big.NewInt(1))
	}
	return quotient
}

func TestIntegerMiddleAgainstNaive(t *testing.T) {
	t.Parallel()
	integerMiddle(t, rapid.Int64())
	integerMiddle(t, rapid.Uint64())
	integerMiddle(t, rapid.Int8())
	integerMiddle(t, rapid.Uint8())
	integerMiddle(t, rapid.Uint32())
}

// TestDistancesAgainstNaive holds the sums over pairs, whatever the tiles.
func TestDistancesAgainstNaive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, columns := rapid.IntRange(1, 11).Draw(t, "n"), rapid.IntRange(1, 30).Draw(t, "columns")
		rows := make([][]float64, n)
		for i := range rows {
			rows[i] = rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), columns, columns).Draw(t, "row")
		}
		cut := rapid.IntRange(0, columns).Draw(t, "cut")
		pairs, dots := make([]float64, Pairs(n)), make([]float64, n)
		for _, span := range [][2]int{{0, cut}, {cut, columns}} {
			var tile [][]float64
			for _, row := range rows {
				tile = append(tile, row[span[0]:span[1]])
			}
			PairSquares(pairs, tile)
			Dots(dots, tile, tile[0])
		}
		at := 0
		for i := range rows {
			dot := 0.0
			for k := range columns {
				product := float64(rows[i][k] * rows[0][k])
				dot += product
			}
			if dots[i] != dot {
				t.Fatalf("inner product %d: %v, want %v", i, dots[i], dot)
			}
			for j := i + 1; j < n; j++ {
				sum := 0.0
				for k := range columns {
					d := rows[j][k] - rows[i][k]
					square := float64(d * d)
					sum += square
				}
				if pairs[at] != sum {
					t.Fatalf("pair %d, %d: %v, want %v", i, j, pairs[at], sum)
				}
				at++
			}
		}
	})
}

// TestDistanceOfNearUpdates is what makes differences necessary: two updates of
// two million coordinates that differ by a hundredth of the weights. The
// expansion in float32 is off by a factor here.
func TestDistanceOfNearUpdates(t *testing.T) {
	t.Parallel()
	const n = 1 << 21
	a, b := make([]float64, n), make([]float64, n)
	for i := range a {
		a[i] = 1 + float64(i%7)/8
		b[i] = a[i] + 0x1p-10
	}
	sums := make([]float64, 1)
	PairSquares(sums, [][]float64{a, b})
	if want := n * 0x1p-20; sums[0] != want {
		t.Errorf("squared distance %v, want %v", sums[0], want)
	}
	var aa, ab, bb float32
	for i := range a {
		x, y := float32(a[i]), float32(b[i])
		aa, ab, bb = aa+x*x, ab+x*y, bb+y*y
	}
	if expanded := float64(aa - 2*ab + bb); math.Abs(expanded-n*0x1p-20) < n*0x1p-20/2 {
		t.Errorf("the expansion in float32 gives %v, near enough; this test shows nothing", expanded)
	}
}
