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

func BenchmarkAdd(b *testing.B) {
	const n = 32 << 10
	acc, src := make([]float64, n), view[float32](NewTile(4*n))
	for name, add := range map[string]func(acc []float64, src []float32, weight float64){"go": addF32, "vector": add} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(4 * n)
			for b.Loop() {
				add(acc, src, 3)
			}
		})
	}
}
