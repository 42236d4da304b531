package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
)

func digits(t *testing.T) (pool, heldOut data.Dataset) {
	t.Helper()
	pool, heldOut, err := data.Digits()
	if err != nil {
		t.Fatal(err)
	}
	return pool, heldOut
}

func initial(t *testing.T, spec Spec) []Param {
	t.Helper()
	params, err := InitialModel(spec)
	if err != nil {
		t.Fatal(err)
	}
	return params
}

func trainer(t *testing.T, spec Spec) *Trainer {
	t.Helper()
	tr, err := New(spec)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// firstRows is the beginning of d.
func firstRows(t *testing.T, d data.Dataset, n int) data.Dataset {
	t.Helper()
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	sub, err := d.Subset(rows)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func TestTrainEqualsTwin(t *testing.T) {
	t.Parallel()
	pool, _ := digits(t)
	base := Spec{Layers: []int{64, 20, 10}, LocalEpochs: 2, BatchSize: 8, LearningRate: 0.1, Momentum: 0.9, Seed: 3}
	cases := map[string]struct {
		change func(*Spec)
		rows   int
	}{
		"whole batches":            {func(*Spec) {}, 24},
		"a smaller last batch":     {func(*Spec) {}, 27},
		"fewer rows than a batch":  {func(s *Spec) { s.BatchSize = 32 }, 5},
		"a single row":             {func(*Spec) {}, 1},
		"batches of one":           {func(s *Spec) { s.BatchSize = 1 }, 7},
		"no hidden layer":          {func(s *Spec) { s.Layers = []int{64, 10} }, 27},
		"two hidden layers":        {func(s *Spec) { s.Layers = []int{64, 17, 12, 10} }, 27},
		"a hidden layer of one":    {func(s *Spec) { s.Layers = []int{64, 1, 10} }, 27},
		"no momentum":              {func(s *Spec) { s.Momentum = 0 }, 27},
		"proximal term":            {func(s *Spec) { s.ProximalMu = 0.5 }, 27},
		"input noise":              {func(s *Spec) { s.Augment.Noise = 0.3 }, 27},
		"jitter":                   {func(s *Spec) { s.Augment = DigitsSpec().Augment }, 27},
		"noise and proximal term":  {func(s *Spec) { s.Augment.Noise, s.ProximalMu = 0.3, 1 }, 20},
		"more classes than labels": {func(s *Spec) { s.Layers = []int{64, 20, 13} }, 27},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := base
			c.change(&spec)
			ds := firstRows(t, pool, c.rows)
			params := initial(t, spec)
			got, metrics, err := trainer(t, spec).Train(t.Context(), params, ds, 7)
			if err != nil {
				t.Fatal(err)
			}
			w := newTwin(spec, params)
			loss, accuracy := w.train(ds, 7)
			for i, p := range got {
				for j, v := range p.Values {
					if math.Abs(float64(v)-w.values[i][j]) > 1e-4 {
						t.Fatalf("%s[%d] is %v, the twin has %v", p.Name, j, v, w.values[i][j])
					}
				}
			}
			if math.Abs(metrics.Loss-loss) > 1e-4 || math.Abs(metrics.Accuracy-accuracy) > 1e-9 || metrics.Examples != c.rows {
				t.Errorf("metrics are %+v, the twin has loss %v, accuracy %v of %d rows", metrics, loss, accuracy, c.rows)
			}
		})
	}
}

func TestEvaluateEqualsTwin(t *testing.T) {
	t.Parallel()
	pool, _ := digits(t)
	spec := Spec{Layers: []int{64, 20, 10}, LocalEpochs: 1, BatchSize: 8, LearningRate: 0.1, Augment: Augment{Noise: 1}}
	tr, params := trainer(t, spec), initial(t, spec)
	for _, rows := range []int{1, scoreRows - 1, scoreRows, scoreRows + 1, 3*scoreRows - 5} {
		ds := firstRows(t, pool, rows)
		got, err := tr.Evaluate(t.Context(), params, ds)
		if err != nil {
			t.Fatal(err)
		}
		w, loss := newTwin(spec, params), 0.0
		for i := range ds.Rows {
			x := make([]float64, ds.Columns)
			for j, v := range ds.Row(i) {
				x[j] = float64(v)
			}
			p := softmax(w.forward(x)[len(spec.Layers)-1])
			loss -= math.Log(p[ds.Labels[i]]) / float64(rows)
		}
		if math.Abs(got.Loss-loss) > 1e-5 || got.Examples != rows {
			t.Errorf("%d rows: %+v, the twin has loss %v", rows, got, loss)
		}
	}
}

// roundsOf trains each peer's split for some rounds, all peers at once, and
// returns everything they made.
func roundsOf(t *testing.T, spec Spec, parts []data.Dataset, rounds uint64) [][]Param {
	t.Helper()
	made := make([][]Param, len(parts))
	var group sync.WaitGroup
	for i, part := range parts {
		spec := spec
		spec.Seed += uint64(i)
		tr, params := trainer(t, spec), initial(t, spec)
		group.Go(func() {
			for round := range rounds {
				var err error
				if params, _, err = tr.Train(t.Context(), params, part, round); err != nil {
					t.Error(err)
					return
				}
			}
			made[i] = params
		})
	}
	group.Wait()
	return made
}

func sameBits(a, b []Param) bool {
	return slices.EqualFunc(a, b, func(p, q Param) bool {
		return p.Name == q.Name && slices.Equal(p.Shape, q.Shape) && slices.EqualFunc(p.Values, q.Values,
			func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
	})
}

// TestSameBitsForAnyGOMAXPROCS is not parallel: it changes the whole process.
func TestSameBitsForAnyGOMAXPROCS(t *testing.T) {
	pool, _ := digits(t)
	splits, err := data.Dirichlet(pool, 0.5, 4, 5, 1)
	if err != nil {
		t.Fatal(err)
	}
	var parts []data.Dataset
	for _, rows := range splits {
		part, err := pool.Subset(rows[:min(len(rows), 90)])
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part)
	}
	// Wide enough that gonum splits the products over several goroutines.
	spec := Spec{
		Layers: []int{64, 200, 130, 10}, LocalEpochs: 1, BatchSize: 80, LearningRate: 0.1,
		Momentum: 0.9, ProximalMu: 0.01, Augment: DigitsSpec().Augment, Seed: 5,
	}
	sameBitsForAnyGOMAXPROCS(t, spec, parts)
	images := []data.Dataset{noisyImages(40, 28*28, 1), noisyImages(33, 28*28, 2)}
	sameBitsForAnyGOMAXPROCS(t, Spec{
		Model: job.ModelLeNet5, Layers: []int{28 * 28, 10}, LocalEpochs: 1, BatchSize: 16, LearningRate: 0.1, Seed: 5,
	}, images)
}

func sameBitsForAnyGOMAXPROCS(t *testing.T, spec Spec, parts []data.Dataset) {
	t.Helper()
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	want := roundsOf(t, spec, parts, 2)
	for _, procs := range []int{2, 7} {
		runtime.GOMAXPROCS(procs)
		for i, got := range roundsOf(t, spec, parts, 2) {
			if !sameBits(got, want[i]) {
				t.Errorf("%s, peer %d: GOMAXPROCS=%d gives other bits than 1", spec.Model, i, procs)
			}
		}
	}
}

func TestTrainDependsOnItsArgumentsOnly(t *testing.T) {
	t.Parallel()
	pool, heldOut := digits(t)
	ds := firstRows(t, pool, 50)
	spec := Spec{Layers: []int{64, 20, 10}, LocalEpochs: 2, BatchSize: 16, LearningRate: 0.1, Momentum: 0.9, Augment: Augment{Noise: 0.1}}
	tr, params := trainer(t, spec), initial(t, spec)
	kept := initial(t, spec)
	train := func(tr *Trainer, params []Param, round uint64) []Param {
		t.Helper()
		trained, _, err := tr.Train(t.Context(), params, ds, round)
		if err != nil {
			t.Fatal(err)
		}
		return trained
	}
	want := train(tr, params, 1)
	if !sameBits(params, kept) {
		t.Error("Train wrote to the model it was handed")
	}
	if _, err := tr.Evaluate(t.Context(), want, heldOut); err != nil {
		t.Fatal(err)
	}
	if sameBits(train(tr, want, 2), want) {
		t.Error("a round changed nothing")
	}
	if !sameBits(train(tr, params, 1), want) {
		t.Error("the same round on a used trainer gives other bits")
	}
	if !sameBits(train(trainer(t, spec), params, 1), want) {
		t.Error("the same round on a new trainer gives other bits")
	}
	backwards := slices.Clone(params)
	slices.Reverse(backwards)
	if !sameBits(train(tr, backwards, 1), want) {
		t.Error("the order of parameters changes the bits")
	}
	if sameBits(train(tr, params, 2), want) {
		t.Error("rounds 1 and 2 visit the rows in the same order")
	}
	spec.Seed++
	if sameBits(train(trainer(t, spec), params, 1), want) {
		t.Error("two seeds visit the rows in the same order")
	}
}

func TestTrainRefuses(t *testing.T) {
	t.Parallel()
	spec := Spec{Layers: []int{64, 8, 10}, LocalEpochs: 1, BatchSize: 16, LearningRate: 0.1}
	pool, _ := digits(t)
	good := firstRows(t, pool, 20)
	nan := float32(math.NaN())
	cases := map[string]struct {
		params func([]Param) []Param
		data   func(data.Dataset) data.Dataset
		want   string
	}{
		"no parameters":      {params: func([]Param) []Param { return nil }, want: "0 parameters: the model has 4"},
		"unknown name":       {params: func(p []Param) []Param { p[2].Name = "head"; return p }, want: "layer1.weight is missing"},
		"named twice":        {params: func(p []Param) []Param { p[1] = p[0]; return p }, want: "layer0.bias is missing"},
		"turned weight":      {params: func(p []Param) []Param { p[0].Shape = []int{64, 8}; return p }, want: "must be [8 64]"},
		"values cut off":     {params: func(p []Param) []Param { p[3].Values = p[3].Values[:9]; return p }, want: "has 9 values: must be 10"},
		"NaN in a parameter": {params: func(p []Param) []Param { p[0].Values[5] = nan; return p }, want: "layer0.weight has NaN at 5"},
		"no rows":            {data: func(data.Dataset) data.Dataset { return data.Dataset{Columns: 64, Classes: 10} }, want: "0 rows"},
		"too few columns": {data: func(d data.Dataset) data.Dataset {
			d.Columns, d.Rows, d.Labels = 32, 40, append(d.Labels, d.Labels...)
			return d
		}, want: "takes 64 columns"},
		"too many classes":   {data: func(d data.Dataset) data.Dataset { d.Classes = 11; return d }, want: "at most 10 classes"},
		"label out of range": {data: func(d data.Dataset) data.Dataset { d.Labels[3] = 10; return d }, want: "label 10 of row 3"},
		"NaN in the data":    {data: func(d data.Dataset) data.Dataset { d.Features[65] = nan; return d }, want: "row 1, column 1"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			params, ds := initial(t, spec), data.Dataset{
				Features: slices.Clone(good.Features), Labels: slices.Clone(good.Labels), Rows: 20, Columns: 64, Classes: 10,
			}
			if c.params != nil {
				params = c.params(params)
			}
			if c.data != nil {
				ds = c.data(ds)
			}
			tr := trainer(t, spec)
			_, _, err := tr.Train(t.Context(), params, ds, 0)
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Train: %v, want ErrInvalid and %q", err, c.want)
			}
			if _, err = tr.Evaluate(t.Context(), params, ds); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Evaluate: %v, want ErrInvalid and %q", err, c.want)
			}
		})
	}
}

func TestTrainDiverges(t *testing.T) {
	t.Parallel()
	pool, _ := digits(t)
	spec := Spec{Layers: []int{64, 8, 10}, LocalEpochs: 200, BatchSize: 4, LearningRate: 100, Momentum: 0.9, ProximalMu: 10}
	tr := trainer(t, spec)
	if _, _, err := tr.Train(t.Context(), initial(t, spec), firstRows(t, pool, 40), 0); !errors.Is(err, ErrDiverged) {
		t.Fatalf("got %v, want ErrDiverged", err)
	}
	// The trainer is as good as new afterwards.
	if _, err := tr.Evaluate(t.Context(), initial(t, spec), pool); err != nil {
		t.Error(err)
	}
}

// cancelAfter is a context that is cancelled at the nth look at it.
type cancelAfter struct {
	context.Context
	looks int
}

func (c *cancelAfter) Err() error {
	if c.looks--; c.looks < 0 {
		return context.Canceled
	}
	return nil
}

func TestTrainStopsBetweenBatches(t *testing.T) {
	t.Parallel()
	pool, _ := digits(t)
	spec := Spec{Layers: []int{64, 8, 10}, LocalEpochs: 1, BatchSize: 16, LearningRate: 0.1}
	tr := trainer(t, spec)
	ctx := &cancelAfter{Context: t.Context(), looks: 5}
	if _, _, err := tr.Train(ctx, initial(t, spec), pool, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("Train: %v, want context.Canceled", err)
	}
	if ctx.looks != -1 {
		t.Errorf("Train looked %d times at a cancelled context, want once", -ctx.looks)
	}
	stopped, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the job was cancelled")
	cancel(reason)
	if _, err := tr.Evaluate(stopped, initial(t, spec), pool); !errors.Is(err, reason) {
		t.Errorf("Evaluate: %v, want the cause", err)
	}
}

func TestTrainerRefusesASecondCall(t *testing.T) {
	t.Parallel()
	pool, _ := digits(t)
	spec := Spec{Layers: []int{64, 8, 10}, LocalEpochs: 1, BatchSize: 16, LearningRate: 0.1}
	tr, params := trainer(t, spec), initial(t, spec)
	release, err := tr.begin(params, pool)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := tr.Train(t.Context(), params, pool, 0); !errors.Is(err, ErrBusy) {
		t.Errorf("Train: %v, want ErrBusy", err)
	}
	release()
	if _, _, err := tr.Train(t.Context(), params, pool, 0); err != nil {
		t.Error(err)
	}
}

func TestInitialModel(t *testing.T) {
	t.Parallel()
	spec := Spec{Layers: []int{64, 30, 10}, LocalEpochs: 1, BatchSize: 1, LearningRate: 1, Seed: rand.New(rand.NewPCG(1, 2)).Uint64()}
	a, b := initial(t, spec), initial(t, spec)
	if !sameBits(a, b) {
		t.Error("one seed gives two models")
	}
	bound := math.Sqrt(6.0 / 94)
	widest := 0.0
	for _, v := range a[0].Values {
		widest = max(widest, math.Abs(float64(v)))
	}
	if widest > bound || widest < 0.99*bound {
		t.Errorf("weights of layer0 reach %v, want nearly %v", widest, bound)
	}
	if slices.ContainsFunc(a[1].Values, func(v float32) bool { return v != 0 }) {
		t.Error("a bias does not begin at zero")
	}
	spec.Seed++
	if sameBits(a, initial(t, spec)) {
		t.Error("two seeds give one model")
	}
}
