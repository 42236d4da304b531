package strategy_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/aggregatortest"
	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/aggregator/tensor"
)

// exact is a model of n float64.
func exact(t testing.TB, n int) tensor.Layout {
	t.Helper()
	return aggregatortest.Layout(t, tensor.Tensor{Name: "w", DType: tensor.F64, Shape: []int64{int64(n)}})
}

// encode makes the file of a model of float64.
func encode(t testing.TB, values ...float64) aggregator.Source {
	t.Helper()
	layout := exact(t, len(values))
	data := make([]byte, 0, 8*len(values))
	for _, x := range values {
		data = appendFloat(data, x)
	}
	file := aggregatortest.Encode(t, layout, data)
	return aggregator.Source{File: bytes.NewReader(file), Size: int64(len(file))}
}

// vector is one round of a published case: a model of float64, updates of one
// example each. It returns the next model and the state.
func vector(t testing.TB, choice strategy.Choice, state []byte, global []float64, updates ...[]float64) ([]float64, []byte) {
	t.Helper()
	rule, err := strategy.Resolve(choice)
	if err != nil {
		t.Fatal(err)
	}
	in := strategy.Input{Model: exact(t, len(global)), Global: encode(t, global...), Cohort: len(updates), Root: []byte{0}}
	if state != nil {
		in.State = &aggregator.Source{File: bytes.NewReader(state), Size: int64(len(state))}
	}
	for i, u := range updates {
		file := encode(t, u...)
		in.Updates = append(in.Updates, aggregator.Update{Peer: []byte{byte(i)}, File: file.File, Size: file.Size, Weight: 1, Steps: 1})
	}
	var model, next bytes.Buffer
	if _, err := rule.Aggregate(t.Context(), in, strategy.Output{Model: &model, State: &next}, aggregator.Options{}); err != nil {
		t.Fatal(err)
	}
	return floats(model.Bytes()[model.Len()-8*len(global):]), next.Bytes()
}

func near(t *testing.T, what string, got []float64, want ...float64) {
	t.Helper()
	for i := range want {
		if len(got) != len(want) || math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("%s: %v, want %v", what, got, want)
			return
		}
	}
}

// scalars makes updates of one number each.
func scalars(xs ...float64) [][]float64 {
	all := make([][]float64, len(xs))
	for i, x := range xs {
		all[i] = []float64{x}
	}
	return all
}

// TestPublishedVectors holds the cases that papers and the unit tests of Flower
// and TFF print; each names its source.
func TestPublishedVectors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, source string
		choice       strategy.Choice
		global       float64
		updates      []float64
		want         float64
	}{
		{"median", "Yin et al. 2018", strategy.Choice{Strategy: part("median", nil)}, 0, []float64{0.2, 1, 0.5}, 0.5},
		{"trimmed mean", "Yin et al. 2018", strategy.Choice{Strategy: part("trimmed_mean", strategy.Params{"beta": 0.25})}, 0, []float64{0.5, 1, 2, 100}, 1.5},
		{"Krum", "Flower, krum_test.py", strategy.Choice{Strategy: part("krum", nil)}, 0, []float64{0.2, 0.7, 1}, 0.7},
		{"MultiKrum", "Flower, krum_test.py", strategy.Choice{Strategy: part("multikrum", strategy.Params{"num_to_keep": 2})}, 0, []float64{0.2, 0.5, 1}, 0.35},
		{"FedAdagrad", "Flower, fedadagrad_test.py", strategy.Choice{Strategy: part("fedadagrad", strategy.Params{"eta": 0.1, "tau": 0.5})}, 0.1, []float64{0.2, 1}, 0.15},
		{"clip to 2, times 3 its sum", "TFF clipping_factory_test.py", strategy.Choice{Strategy: part("fedavg", nil), Clip: part("fixed", strategy.Params{"norm": 2})}, 0, []float64{1, 3, 5}, 5. / 3},
		{"FedNova with equal steps is FedAvg", "Wang et al. 2020", strategy.Choice{Strategy: part("fednova", nil)}, 1, []float64{2, 5}, 3.5},
		{"FLTrust: opposite ignored, others to the root's length", "Cao et al. 2021", strategy.Choice{Strategy: part("fltrust", nil)}, 1, []float64{3, 11, -4}, 3},
		{"FedAvgM, first round", "Hsu et al. 2019", strategy.Choice{Strategy: part("fedavgm", nil)}, 1, []float64{2, 4}, 3},
	} {
		got, _ := vector(t, c.choice, nil, []float64{c.global}, scalars(c.updates...)...)
		near(t, c.name+" ("+c.source+")", got, c.want)
	}
}

// TestBulyanVector hides two liars among five updates, more than f = 1: Krum
// chooses three one by one, of each coordinate's three the one nearest to their
// median is the median. TestSortAgainstNaive of the kernels has the second step
// for more than one.
func TestBulyanVector(t *testing.T) {
	t.Parallel()
	// Krum with f = 1 takes the three nearest of each other out of five; of each
	// coordinate's three the one nearest to the median is that median.
	updates := [][]float64{{1, 2, 1}, {1.1, 2.1, 0.9}, {1.05, 2.2, 1.3}, {50, -50, 50}, {-70, 70, 70}}
	got, _ := vector(t, strategy.Choice{Strategy: part("bulyan", nil)}, nil, []float64{0, 0, 0}, updates...)
	near(t, "Bulyan", got, 1.05, 2.1, 1)
}

// TestAdaptiveClipVector is TFF's case: .5, 1.5, 2 with C = 1 give 2.5, then C =
// 5/3 gives .5 + 1.5 + 5/3. The quantile is 1, the step linear with rate 1.
func TestAdaptiveClipVector(t *testing.T) {
	t.Parallel()
	choice := strategy.Choice{Strategy: part("fedavg", nil), Clip: part("adaptive", strategy.Params{"quantile": 1, "rate": 1, "linear": 1})}
	first, state := vector(t, choice, nil, []float64{0}, scalars(0.5, 1.5, 2)...)
	near(t, "first round", first, 2.5/3)
	second, _ := vector(t, choice, state, []float64{0}, scalars(0.5, 1.5, 2)...)
	near(t, "second round", second, (0.5+1.5+5./3)/3)
}

// TestQuantileVector is TFF's quantile process with target 0: linear steps lead
// from 10 to 9, 8, 7.5, 7, 7; geometric ones, with the rate ln 2, from 16 to 8,
// 4, 2.828, 2, 2.
func TestQuantileVector(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		params  strategy.Params
		updates []float64
		want    []float64
	}{
		{strategy.Params{"initial_norm": 10, "quantile": 0, "rate": 1, "linear": 1}, []float64{7.2, 8.5}, []float64{9, 8, 7.5, 7, 7}},
		{strategy.Params{"initial_norm": 16, "quantile": 0, "rate": math.Ln2}, []float64{2.5, 5}, []float64{8, 4, 2 * math.Sqrt2, 2, 2}},
	} {
		var state []byte
		for _, want := range c.want {
			choice := strategy.Choice{Strategy: part("fedavg", nil), Clip: part("adaptive", c.params)}
			_, state = vector(t, choice, state, []float64{0}, scalars(c.updates...)...)
			near(t, "norm", floats(state[len(state)-8:]), want)
		}
	}
}

// TestGeometricMedian holds Weiszfeld against the point that is known: of three
// corners of a triangle with 120° between the rays, their Fermat point.
func TestGeometricMedian(t *testing.T) {
	t.Parallel()
	h := math.Sqrt(3) / 2
	choice := strategy.Choice{Strategy: part("geometric_median", strategy.Params{"iterations": 60, "nu": 1e-9})}
	got, _ := vector(t, choice, nil, []float64{0, 0}, []float64{1 + 3, 2}, []float64{1 - 0.5, 2 + h}, []float64{1 - 0.5, 2 - h})
	near(t, "geometric median", got, 1, 2)
}

// TestScaffoldServer is algorithm 1 for two of four peers.
func TestScaffoldServer(t *testing.T) {
	t.Parallel()
	rule, err := strategy.Resolve(strategy.Choice{Strategy: part("scaffold", strategy.Params{"eta": 0.5})})
	if err != nil {
		t.Fatal(err)
	}
	model := exact(t, 1)
	layout, err := rule.UpdateLayout(model)
	if err != nil {
		t.Fatal(err)
	}
	var state []byte
	for _, want := range [][2]float64{{1 + 0.5*(3-1), (0.4 + 0.8) / 4}, {1 + 0.5*(3-1), 2 * (0.4 + 0.8) / 4}} {
		in := strategy.Input{Model: model, Global: encode(t, 1), Cohort: 4}
		if state != nil {
			in.State = &aggregator.Source{File: bytes.NewReader(state), Size: int64(len(state))}
		}
		for i, u := range [][2]float64{{2, 0.4}, {4, 0.8}} { // the control variate comes first by name
			file := aggregatortest.Encode(t, layout, appendFloat(appendFloat(nil, u[1]), u[0]))
			in.Updates = append(in.Updates, aggregator.Update{Peer: []byte{byte(i)}, File: bytes.NewReader(file), Size: int64(len(file)), Weight: uint64(1 + i)})
		}
		var out, next bytes.Buffer
		if _, err := rule.Aggregate(t.Context(), in, strategy.Output{Model: &out, State: &next}, aggregator.Options{}); err != nil {
			t.Fatal(err)
		}
		state = next.Bytes()
		near(t, "model", floats(out.Bytes()[out.Len()-8:]), want[0])
		near(t, "control variate", floats(state[len(state)-8:]), want[1])
	}
}
