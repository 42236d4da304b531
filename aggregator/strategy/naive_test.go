package strategy_test

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/aggregatortest"
	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/aggregator/tensor"
)

// naive is a rule written down over whole vectors of one tensor: no tile, no
// thread, no file.
type naive struct {
	choice  strategy.Choice
	global  []float64
	updates [][]float64 // in the order of the peers
	weights []uint64
	steps   []uint64
	root    int
}

// sum adds in blocks of 4,096, kernel(5).
func sum(n int, term func(k int) float64) float64 {
	total := 0.0
	for begin := 0; begin < n; begin += 4096 {
		block := 0.0
		for k := begin; k < min(n, begin+4096); k++ {
			x := term(k)
			block += x
		}
		total += block
	}
	return total
}

func squared(a, b []float64) float64 {
	return sum(len(a), func(k int) float64 { d := a[k] - b[k]; return float64(d * d) })
}

// mean returns the mean of the rows, and whether it is relative to the global
// model.
func (v *naive) mean() ([]float64, bool) {
	rows, relative := v.updates, false
	zero := make([]float64, len(v.global))
	scale := func(by func(i int) float64) {
		relative = true
		scaled := make([][]float64, len(rows))
		for i, u := range v.updates {
			for k := range u {
				d := u[k] - v.global[k]
				scaled[i] = append(scaled[i], float64(by(i)*d))
			}
		}
		rows = scaled
	}
	if v.choice.Clip.Name == "fixed" {
		scale(func(i int) float64 {
			if n := math.Sqrt(squared(v.updates[i], v.global)); n > v.choice.Clip.Params["norm"] {
				return v.choice.Clip.Params["norm"] / n
			}
			return 1
		})
	}
	name, params := v.choice.Mean.Name, v.choice.Mean.Params
	if name == "" {
		name, params = v.choice.Strategy.Name, v.choice.Strategy.Params
	}
	linear := func(weights []float64, total float64) []float64 {
		out := make([]float64, len(zero))
		for k := range out {
			for i, w := range weights {
				if product := float64(w * rows[i][k]); w != 0 {
					out[k] += product
				}
			}
			out[k] /= total
		}
		return out
	}
	votes := func(chosen ...int) []float64 {
		w := make([]float64, len(rows))
		for _, i := range chosen {
			w[i] = 1
		}
		return w
	}
	f, n := int(params["num_malicious"]), len(rows)
	switch name {
	case "median":
		return columns(rows, func(xs []float64) float64 { return average(xs[(n-1)/2 : n/2+1]) }), relative
	case "trimmed_mean":
		drop := int(params["beta"] * float64(n))
		return columns(rows, func(xs []float64) float64 { return average(xs[drop : n-drop]) }), relative
	case "krum":
		return linear(votes(ranking(rows, f)[0]), 1), relative
	case "multikrum":
		keep := max(1, n-f)
		return linear(votes(ranking(rows, f)[:keep]...), float64(keep)), relative
	case "bulyan":
		left, chosen := slices.Clone(rows), [][]float64{}
		for len(chosen) < max(1, n-2*f) {
			best := ranking(left, f)[0]
			chosen, left = append(chosen, left[best]), slices.Delete(slices.Clone(left), best, best+1)
		}
		return columns(chosen, func(xs []float64) float64 {
			middle := average(xs[(len(xs)-1)/2 : len(xs)/2+1])
			for len(xs) > max(1, len(chosen)-2*f) {
				if math.Abs(xs[0]-middle) > math.Abs(xs[len(xs)-1]-middle) {
					xs = xs[1:]
				} else {
					xs = xs[:len(xs)-1]
				}
			}
			return average(xs)
		}), relative
	case "geometric_median":
		weights, total := slices.Repeat([]float64{1}, n), float64(n)
		for range int(params["iterations"]) {
			z := linear(weights, total)
			weights, total = make([]float64, n), 0
			for i, row := range rows {
				weights[i] = 1 / max(1e-6, math.Sqrt(squared(row, z)))
				total += weights[i]
			}
		}
		return linear(weights, total), relative
	case "fltrust":
		if !relative {
			scale(func(int) float64 { return 1 })
		}
		weights, total := make([]float64, n), 0.0
		length := math.Sqrt(squared(rows[v.root], zero))
		for i, row := range rows {
			dot := sum(len(row), func(k int) float64 { return float64(row[k] * rows[v.root][k]) })
			norm := math.Sqrt(squared(row, zero))
			if i != v.root && norm > 0 && length > 0 && dot > 0 {
				product := float64(norm * length)
				score := dot / product
				product = float64(score * length)
				weights[i] = product / norm
				total += score
			}
		}
		if total == 0 {
			total = 1
		}
		return linear(weights, total), true
	case "fednova":
		if !relative {
			scale(func(int) float64 { return 1 })
		}
		total, tau := 0.0, 0.0
		for i, w := range v.weights {
			product := float64(w) * float64(v.steps[i])
			total += float64(w)
			tau += product
		}
		tau /= total
		weights := make([]float64, n)
		for i, w := range v.weights {
			product := float64(w) * tau
			weights[i] = product / float64(v.steps[i])
		}
		return linear(weights, total), true
	}
	total, weights := 0.0, make([]float64, n)
	for i, w := range v.weights {
		weights[i] = float64(w)
		total += float64(w)
	}
	return linear(weights, total), relative
}

// next is the mean, or FedAvgM's first step with η = 1 and β = .9.
func (v *naive) next() []float64 {
	mean, relative := v.mean()
	for k, x := range v.global {
		switch {
		case v.choice.Strategy.Name == "fedavgm" && !relative:
			mean[k] -= x
			mean[k] += x
		case relative:
			mean[k] += x
		}
	}
	return mean
}

func average(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}

func columns(rows [][]float64, of func(sorted []float64) float64) []float64 {
	var out []float64
	for k := range rows[0] {
		var xs []float64
		for _, row := range rows {
			xs = append(xs, row[k])
		}
		slices.Sort(xs)
		out = append(out, of(xs))
	}
	return out
}

// ranking orders the rows by Krum's score.
func ranking(rows [][]float64, f int) []int {
	order, scores := make([]int, len(rows)), make([]float64, len(rows))
	for i, row := range rows {
		var distances []float64
		for j, other := range rows {
			if i != j {
				distances = append(distances, squared(other, row))
			}
		}
		slices.Sort(distances)
		for _, d := range distances[:min(max(1, len(rows)-f-2), len(rows)-1)] {
			scores[i] += d
		}
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	return order
}

// TestRulesAgainstNaive holds strategy(3) for every mean, alone, clipped and
// under a server: the bits of the twin, whatever tiles, threads and order.
func TestRulesAgainstNaive(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"fedavg", "fednova", "median", "trimmed_mean", "krum", "multikrum", "bulyan", "geometric_median", "fltrust"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				againstNaive(t, rt, name, rapid.IntRange(1, 9).Draw(rt, "updates"), rapid.SampledFrom([]int{1, 2, 33, 70}).Draw(rt, "columns"))
			})
		})
	}
}

func againstNaive(t *testing.T, rt *rapid.T, name string, n, columns int) {
	t.Helper()
	params := strategy.Params{}
	switch name {
	case "krum", "multikrum", "bulyan":
		params["num_malicious"] = float64(rapid.IntRange(0, 2).Draw(rt, "f"))
	case "trimmed_mean":
		params["beta"] = 0.25
	case "geometric_median":
		params["iterations"] = 3
	}
	v := &naive{root: 0, choice: strategy.Choice{Strategy: part(name, params)}}
	if rapid.Bool().Draw(rt, "server") {
		v.choice = strategy.Choice{Strategy: part("fedavgm", nil), Mean: part(name, params)}
	}
	if rapid.Bool().Draw(rt, "clip") {
		v.choice.Clip = part("fixed", strategy.Params{"norm": 2})
	}
	number := rapid.Float64Range(-1, 1)
	v.global = repeat(rapid.SliceOfN(number, 1, 5).Draw(rt, "global"), columns)
	in := strategy.Input{Model: exact(t, columns), Global: encode(t, v.global...), Cohort: n, Root: []byte{0}}
	for i := range n {
		row := repeat(rapid.SliceOfN(number, 1, 7).Draw(rt, "update"), columns)
		v.updates = append(v.updates, row)
		v.weights = append(v.weights, rapid.Uint64Range(1, 1000).Draw(rt, "weight"))
		v.steps = append(v.steps, rapid.Uint64Range(1, 50).Draw(rt, "steps"))
		file := encode(t, row...)
		in.Updates = append(in.Updates, aggregator.Update{Peer: []byte{byte(i)}, File: file.File, Size: file.Size, Weight: v.weights[i], Steps: v.steps[i]})
	}
	in.Updates = rapid.Permutation(in.Updates).Draw(rt, "order")
	rule, err := strategy.Resolve(v.choice)
	if err != nil {
		rt.Fatal(err)
	}
	var model, state bytes.Buffer
	result, err := rule.Aggregate(t.Context(), in, strategy.Output{Model: &model, State: &state}, aggregator.Options{
		TileBytes: rapid.SampledFrom([]int{64, 500, 4000, 1 << 20}).Draw(rt, "tile"), Threads: rapid.IntRange(1, 4).Draw(rt, "threads"),
	})
	if err != nil {
		rt.Fatal(err)
	}
	if result.Model.Size != int64(model.Len()) || result.State.Size != int64(state.Len()) {
		rt.Fatalf("result %+v of %d and %d bytes", result, model.Len(), state.Len())
	}
	got := floats(model.Bytes()[model.Len()-8*columns:])
	for k, want := range v.next() {
		if got[k] != want {
			rt.Fatalf("coordinate %d: %v, want %v", k, got[k], want)
		}
	}
}

// repeat fills n numbers with the given ones, a little changed each time.
func repeat(xs []float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = xs[i%len(xs)] + float64(i%13)/1024
	}
	return out
}

// TestEveryTypeAndRule runs every rule over a model with every type for two
// rounds, twice with other tiles: the same bits, files of the layouts promised,
// and nothing that is not finite.
func TestEveryTypeAndRule(t *testing.T) {
	t.Parallel()
	model := aggregatortest.Mixed(t, 150)
	global := aggregatortest.File(t, model, 99, 0.1)
	for _, name := range strategy.Names() {
		for _, clip := range append([]string{""}, strategy.Clips()...) {
			choice := strategy.Choice{Strategy: part(name, nil), Clip: part(clip, nil)}
			rule, err := strategy.Resolve(choice)
			if err != nil {
				if name != strategy.Scaffold {
					t.Error(err)
				}
				continue
			}
			t.Run(name+"/"+clip, func(t *testing.T) {
				t.Parallel()
				layout, err := rule.UpdateLayout(model)
				if err != nil {
					t.Fatal(err)
				}
				updates := aggregatortest.Updates(t, layout, 5, 7)
				for i := range updates {
					updates[i].Steps = uint64(3 + i)
				}
				in := strategy.Input{
					Model: model, Global: aggregator.Source{File: bytes.NewReader(global), Size: int64(len(global))},
					Updates: updates, Cohort: 6, Root: updates[2].Peer, Local: 0.9,
				}
				for range 2 {
					first, state := twice(t, rule, in)
					checkFile(t, first, model)
					if wanted, err := rule.StateLayout(model); err != nil {
						t.Fatal(err)
					} else if rule.Needs().State {
						checkFile(t, state, wanted)
						in.State = &aggregator.Source{File: bytes.NewReader(state), Size: int64(len(state))}
					}
					in.Global = aggregator.Source{File: bytes.NewReader(first), Size: int64(len(first))}
				}
			})
		}
	}
}

// twice applies a rule with two sets of options and in two orders.
func twice(t *testing.T, rule strategy.Rule, in strategy.Input) (model, state []byte) {
	t.Helper()
	var results [2]strategy.Result
	for i, options := range []aggregator.Options{{}, {TileBytes: 100, Threads: 3}} {
		var m, s bytes.Buffer
		var err error
		if results[i], err = rule.Aggregate(t.Context(), in, strategy.Output{Model: &m, State: &s}, options); err != nil {
			t.Fatal(err)
		}
		model, state = m.Bytes(), s.Bytes()
		in.Updates = slices.Clone(in.Updates)
		slices.Reverse(in.Updates)
	}
	if results[0] != results[1] {
		t.Fatalf("%+v, with other options %+v", results[0], results[1])
	}
	return model, state
}

// checkFile holds that a file is the canonical one of its layout and finite.
func checkFile(t *testing.T, file []byte, want tensor.Layout) {
	t.Helper()
	if !bytes.HasPrefix(file, want.Canonical().Header()) {
		t.Fatalf("a header other than %q", want.Canonical().Header())
	}
	digest, err := aggregator.Digest(t.Context(), bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	err = aggregator.Check(t.Context(), want, bytes.NewReader(file), int64(len(file)), digest, aggregator.Limits{})
	if err != nil {
		t.Fatal(err)
	}
}
