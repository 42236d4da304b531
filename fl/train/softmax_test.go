package train

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/fl/data"
)

// TestTrainFarLogits trains on rows of which one has logits far from the others':
// gorgonia's own log softmax under- or overflows in float32, whichever comes first.
func TestTrainFarLogits(t *testing.T) {
	t.Parallel()
	spec := Spec{Layers: []int{1, 3}, LocalEpochs: 3, BatchSize: 4, LearningRate: 1e-3, Momentum: 0.9}
	ds := data.Dataset{Rows: 4, Columns: 1, Classes: 3, Features: []float32{100, 0, 0.5, -0.25}, Labels: []int32{0, 1, 2, 0}}
	params := initial(t, spec)
	copy(params[0].Values, []float32{2, 0, 0})
	for seed := range uint64(8) { // other rows come first
		spec.Seed = seed
		got, metrics, err := trainer(t, spec).Train(t.Context(), params, ds, 0)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		w := newTwin(spec, params)
		loss, _ := w.train(ds, 0)
		if math.Abs(metrics.Loss-loss) > 1e-5 {
			t.Errorf("seed %d: loss %v, the twin has %v", seed, metrics.Loss, loss)
		}
		for i, p := range got {
			for j, v := range p.Values {
				if math.Abs(float64(v)-w.values[i][j]) > 1e-5 {
					t.Errorf("seed %d: %s[%d] is %v, the twin has %v", seed, p.Name, j, v, w.values[i][j])
				}
			}
		}
	}
}

// TestLogSoftmax holds both directions against the plain formulas in float64, and
// says that a row's results do not depend on the other rows.
func TestLogSoftmax(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := logSoftmax{rows: rapid.IntRange(1, 5).Draw(t, "rows"), columns: rapid.IntRange(1, 12).Draw(t, "columns")}
		scale := rapid.SampledFrom([]float64{1, 100, 1e5, 1e37}).Draw(t, "scale")
		n := s.rows * s.columns
		from, given := make([]float32, n), make([]float32, n)
		for i := range n {
			from[i] = float32(scale * rapid.Float64Range(-1, 1).Draw(t, "logit"))
			given[i] = rapid.Float32Range(-1, 1).Draw(t, "gradient")
		}
		logs, grads := make([]float32, n), make([]float32, n)
		s.forward(logs, from)
		s.backward(grads, from, given)
		one := logSoftmax{rows: 1, columns: s.columns}
		for at := 0; at < n; at += s.columns {
			row, g := from[at:at+s.columns], given[at:at+s.columns]
			largest, sum, total := math.Inf(-1), 0.0, 0.0
			for i := range row {
				largest = math.Max(largest, float64(row[i]))
				total += float64(g[i])
			}
			for i := range row {
				sum += math.Exp(float64(row[i]) - largest)
			}
			aloneLogs, aloneGrads := make([]float32, s.columns), make([]float32, s.columns)
			one.forward(aloneLogs, row)
			one.backward(aloneGrads, row, g)
			for i := range row {
				z := float64(row[i]) - largest
				near(t, "log", logs[at+i], z-math.Log(sum))
				near(t, "gradient", grads[at+i], float64(g[i])-math.Exp(z)/sum*total)
				if logs[at+i] != aloneLogs[i] || grads[at+i] != aloneGrads[i] {
					t.Fatalf("row %d depends on the others", at/s.columns)
				}
			}
		}
	})
}

func near(t *rapid.T, what string, got float32, want float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= 1e-6*math.Max(1, math.Abs(want))) {
		t.Fatalf("%s %v, want %v", what, got, want)
	}
}
