package train

import (
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
)

// line draws rows of y = w·x + b with noise.
func line(rows, columns int, noise float64, seed uint64) (data.Dataset, []float64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	truth := make([]float64, columns+1)
	for i := range truth {
		truth[i] = rng.Float64() - 0.5
	}
	d := data.Dataset{Rows: rows, Columns: columns}
	for range rows {
		y := truth[columns] + noise*rng.NormFloat64()
		for i := range columns {
			x := 2*rng.Float64() - 1
			d.Features = append(d.Features, float32(x))
			y += truth[i] * x
		}
		d.Targets = append(d.Targets, float32(y))
	}
	return d, truth
}

// TestLinearEqualsTwin compares training with plain float64 loops.
func TestLinearEqualsTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		columns := rapid.IntRange(1, 6).Draw(rt, "columns")
		rows := rapid.IntRange(1, 30).Draw(rt, "rows")
		spec := Spec{
			Model: job.ModelLinear, Layers: []int{columns, 1}, LocalEpochs: rapid.IntRange(1, 3).Draw(rt, "epochs"),
			BatchSize: rapid.IntRange(1, 12).Draw(rt, "batch"), LearningRate: 0.1, Momentum: 0.5, Seed: 9,
		}
		ds, _ := line(rows, columns, 0.1, rapid.Uint64().Draw(rt, "data"))
		params := initial(t, spec)
		got, metrics, err := trainer(t, spec).Train(t.Context(), params, ds, 4)
		if err != nil {
			rt.Fatal(err)
		}
		w := make([]float64, columns+1)
		for i, v := range params[0].Values {
			w[i] = float64(v)
		}
		velocity, order := make([]float64, columns+1), newRand("order", spec.Seed, 4)
		var squares, absolute float64
		for range spec.LocalEpochs {
			squares, absolute = 0, 0
			todo := order.Perm(rows)
			for len(todo) > 0 {
				n := min(spec.BatchSize, len(todo))
				grad := make([]float64, columns+1)
				for _, row := range todo[:n] {
					miss := w[columns] - float64(ds.Targets[row])
					for i, x := range ds.Row(row) {
						miss += w[i] * float64(x)
					}
					squares += miss * miss
					absolute += math.Abs(miss)
					for i, x := range ds.Row(row) {
						grad[i] += 2 * miss * float64(x) / float64(n)
					}
					grad[columns] += 2 * miss / float64(n)
				}
				for i := range w {
					velocity[i] = spec.Momentum*velocity[i] + grad[i]
					w[i] -= spec.LearningRate * velocity[i]
				}
				todo = todo[n:]
			}
		}
		for i := range w {
			v := float64(got[i/columns].Values[i%columns])
			if math.Abs(v-w[i]) > 1e-4 {
				rt.Fatalf("value %d is %v, the twin has %v", i, v, w[i])
			}
		}
		mean, spread := 0.0, 0.0
		for _, y := range ds.Targets {
			mean += float64(y) / float64(rows)
		}
		for _, y := range ds.Targets {
			spread += (float64(y) - mean) * (float64(y) - mean)
		}
		r2 := 0.0
		if rows > 1 {
			r2 = 1 - squares/spread
		}
		near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-4*(1+math.Abs(b)) }
		if !near(metrics.Loss, squares/float64(rows)) || !near(metrics.MAE, absolute/float64(rows)) || math.Abs(metrics.R2-r2) > 1e-2*(1+math.Abs(r2)) {
			rt.Fatalf("metrics %+v, the twin has %v, %v, %v", metrics, squares/float64(rows), absolute/float64(rows), r2)
		}
	})
}

// TestLinearFindsTheLine: what was drawn from a line is found again.
func TestLinearFindsTheLine(t *testing.T) {
	t.Parallel()
	ds, truth := line(400, 3, 0.01, 5)
	spec := Spec{Model: job.ModelLinear, Layers: []int{3, 1}, LocalEpochs: 40, BatchSize: 20, LearningRate: 0.05}
	tr := trainer(t, spec)
	trained, _, err := tr.Train(t.Context(), initial(t, spec), ds, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range truth {
		if got := float64(trained[i/3].Values[i%3]); math.Abs(got-want) > 0.01 {
			t.Errorf("coefficient %d is %v, want %v", i, got, want)
		}
	}
	metrics, err := tr.Evaluate(t.Context(), trained, ds)
	if err != nil || metrics.R2 < 0.99 {
		t.Errorf("R² is %v, error %v", metrics.R2, err)
	}
	if named := metrics.Named(); named["mse"] != metrics.Loss || named["mae"] != metrics.MAE || named["r2"] != metrics.R2 {
		t.Errorf("told are %v", named)
	}
	for _, model := range job.Models() {
		m := job.Model{Name: model}
		if told := slices.Sorted(maps.Keys(Metrics{Regression: m.Regression()}.Named())); !slices.Equal(told, m.Metrics()) {
			t.Errorf("%s: told are %v, the job lists %v", model, told, m.Metrics())
		}
	}
	// All targets equal: a number all the same.
	flat := data.Dataset{Features: []float32{0, 1, 0, 1, 0, 1}, Targets: []float32{0.5, 0.5}, Rows: 2, Columns: 3}
	if metrics, err := tr.Evaluate(t.Context(), trained, flat); err != nil || metrics.R2 != 0 {
		t.Errorf("R² of equal targets is %v, error %v", metrics.R2, err)
	}
}

func TestModelsRefuseOthersData(t *testing.T) {
	t.Parallel()
	numbers, _ := line(10, 3, 0, 1)
	classes := data.Dataset{Features: numbers.Features, Labels: make([]int32, 10), Rows: 10, Columns: 3, Classes: 2}
	base := Spec{LocalEpochs: 1, BatchSize: 5, LearningRate: 0.1}
	for _, c := range []struct {
		model  string
		layers []int
		data   data.Dataset
	}{{job.ModelLinear, []int{3, 1}, classes}, {job.ModelLogistic, []int{3, 2}, numbers}} {
		spec := base
		spec.Model, spec.Layers = c.model, c.layers
		if _, _, err := trainer(t, spec).Train(t.Context(), initial(t, spec), c.data, 0); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", c.model, err)
		}
	}
}
