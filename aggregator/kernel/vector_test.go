package kernel

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestVectorTwin holds that the vector code gives the bits of the Go loop, for any
// number of coordinates and whatever lies behind them.
func TestVectorTwin(t *testing.T) {
	t.Parallel()
	edges := []float32{0, float32(math.Copysign(0, -1)), 1, -1, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 0x1p-126, float32(math.Inf(1))}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 70).Draw(t, "coordinates")
		number := rapid.OneOf(rapid.SampledFrom(edges), rapid.Float32())
		var raws [][]byte
		var weights []float64
		for range rapid.IntRange(1, 9).Draw(t, "tiles") {
			raw := NewTile(4 * n)
			for i, x := range rapid.SliceOfN(number, n, n).Draw(t, "tile") {
				view[float32](raw)[i] = x
			}
			raws, weights = append(raws, raw), append(weights, float64(rapid.Uint64Range(0, MaxWeight-1).Draw(t, "weight")))
		}
		got, want := make([]float64, n+1), make([]float64, n+1)
		got[n], want[n] = 7, 7
		for i, raw := range raws {
			F32{}.Add(got[:n], raw, weights[i])
			addF32(want[:n], view[float32](raw), weights[i])
		}
		for i := range got {
			if math.Float64bits(got[i]) != math.Float64bits(want[i]) && !(math.IsNaN(got[i]) && math.IsNaN(want[i])) {
				t.Fatalf("coordinate %d is %v, by the Go loop %v", i, got[i], want[i])
			}
		}
	})
}

// TestVectorRows is TestVectorTwin for the loops over rows and for the mean.
func TestVectorRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 70).Draw(t, "coordinates")
		rows := matrix(t, rapid.IntRange(9, 11).Draw(t, "rows"), n)
		weight := awkward().Draw(t, "weight")
		got, want := append([]float64{}, rows[0]...), append([]float64{}, rows[0]...)
		AddScaled(got, rows[1], weight)
		addScaledF64(want, rows[1], weight)
		same(t, "weighted sum", got, want)

		total := rapid.Float64Range(1, 1e15).Draw(t, "total")
		narrow, twin := make([]float32, n+1), make([]float32, n+1)
		narrow[n], twin[n] = 7, 7
		divide(narrow[:n], rows[2], total)
		meanF32(twin[:n], rows[2], total)
		for i := range narrow {
			if math.Float32bits(narrow[i]) != math.Float32bits(twin[i]) {
				t.Fatalf("mean %d is %v, by the Go loop %v", i, narrow[i], twin[i])
			}
		}

		got, want = make([]float64, Pairs(len(rows))), make([]float64, Pairs(len(rows)))
		for i := range got {
			got[i] = float64(i)
			want[i] = float64(i)
		}
		PairSquares(got, rows)
		sums := want
		for i, row := range rows {
			Squares(sums[:len(rows)-i-1], rows[i+1:], row)
			sums = sums[len(rows)-i-1:]
		}
		same(t, "pairs", got, want)
	})
}

func same(t *rapid.T, what string, got, want []float64) {
	t.Helper()
	for i := range want {
		if math.Float64bits(got[i]) != math.Float64bits(want[i]) && !(math.IsNaN(got[i]) && math.IsNaN(want[i])) {
			t.Fatalf("%s %d is %v, by the Go loop %v", what, i, got[i], want[i])
		}
	}
}

func BenchmarkVector(b *testing.B) {
	const n, rows = 4096, 9
	acc, narrow := make([]float64, n), make([]float32, n)
	row, sums := make([][]float64, rows), make([]float64, Pairs(rows))
	for i := range row {
		row[i] = make([]float64, n)
		for k := range row[i] {
			row[i][k] = float64(i*k%97) / 13
		}
	}
	src := view[float32](NewTile(4 * n))
	for _, c := range []struct {
		name  string
		bytes int64
		run   func()
	}{
		{"add/go", 4 * n, func() { addF32(acc, src, 3) }},
		{"add/vector", 4 * n, func() { add(acc, src, 3) }},
		{"scaled/go", 8 * n, func() { addScaledF64(acc, row[0], 3) }},
		{"scaled/vector", 8 * n, func() { addScaled(acc, row[0], 3) }},
		{"mean/go", 8 * n, func() { meanF32(narrow, acc, 3) }},
		{"mean/vector", 8 * n, func() { divide(narrow, acc, 3) }},
		{"squares/go", 8 * 8 * n, func() {
			fourSquares((*[4]float64)(sums), row[0], (*[4][]float64)(row[1:]))
			fourSquares((*[4]float64)(sums[4:]), row[0], (*[4][]float64)(row[5:]))
		}},
		{"squares/vector", 8 * 8 * n, func() { eightSquares((*[8]float64)(sums), row[0], (*[8][]float64)(row[1:])) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(c.bytes)
			for b.Loop() {
				c.run()
			}
		})
	}
}
