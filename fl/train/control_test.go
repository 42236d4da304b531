package train_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/tensor"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/train"
)

// controlled is a spec of plain steps over a few rows of the digits.
func controlled(t *testing.T, batch int) (train.Spec, []train.Param, data.Dataset) {
	t.Helper()
	pool, _, err := data.Digits()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := pool.Subset([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	if err != nil {
		t.Fatal(err)
	}
	spec := train.Spec{Model: "mlp", Layers: []int{64, 5, 10}, LocalEpochs: 1, BatchSize: batch, LearningRate: 0.1, Seed: 4}
	params, err := train.InitialModel(spec)
	if err != nil {
		t.Fatal(err)
	}
	return spec, params, rows
}

// ramp returns parameters of a model with a value of its own in each place.
func ramp(t *testing.T, spec train.Spec, scale float32) []train.Param {
	t.Helper()
	params, err := train.Zeros(spec)
	if err != nil {
		t.Fatal(err)
	}
	n := float32(0)
	for _, p := range params {
		for i := range p.Values {
			n++
			p.Values[i] = scale * n
		}
	}
	return params
}

// TestTrainCorrected takes one step with a correction: it ends where the plain
// step does, less the rate times the correction, in every place.
func TestTrainCorrected(t *testing.T) {
	t.Parallel()
	spec, params, rows := controlled(t, 10)
	trainer, err := train.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	plain, _, err := trainer.Train(t.Context(), params, rows, 1)
	if err != nil {
		t.Fatal(err)
	}
	correction := ramp(t, spec, 1e-3)
	got, _, err := trainer.TrainCorrected(t.Context(), params, correction, rows, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range got {
		for j, x := range p.Values {
			if want := plain[i].Values[j] - 0.1*correction[i].Values[j]; math.Abs(float64(x-want)) > 1e-6 {
				t.Fatalf("%s at %d: %v, want %v", p.Name, j, x, want)
			}
		}
	}
	again, _, err := trainer.Train(t.Context(), params, rows, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range again {
		for j, x := range p.Values {
			if x != plain[i].Values[j] {
				t.Fatalf("%s at %d: a correction outlives its round", p.Name, j)
			}
		}
	}
	spec.ProximalMu = 1
	if trainer, err = train.New(spec); err != nil {
		t.Fatal(err)
	}
	if _, _, err := trainer.TrainCorrected(t.Context(), params, correction, rows, 1); !errors.Is(err, train.ErrInvalid) {
		t.Errorf("beside a proximal term: %v", err)
	}
}

// TestNextControl holds option II of SCAFFOLD: without a correction a peer's
// control variate becomes the mean gradient along its way.
func TestNextControl(t *testing.T) {
	t.Parallel()
	spec, params, rows := controlled(t, 3)
	if got := spec.Steps(rows.Rows); got != 4 {
		t.Fatalf("%d steps, want 4", got)
	}
	to, server, own := ramp(t, spec, 0.01), ramp(t, spec, 0.002), ramp(t, spec, -0.003)
	next, delta, err := spec.NextControl(rows.Rows, params, to, train.Correction(server, own), own)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range next {
		for j, x := range p.Values {
			moved := float64(params[i].Values[j]-to[i].Values[j]) / (4 * spec.LearningRate)
			want := float64(own[i].Values[j]) - float64(server[i].Values[j]) + moved
			if math.Abs(float64(x)-want) > 1e-4*(1+math.Abs(want)) {
				t.Fatalf("%s at %d: %v, want %v", p.Name, j, x, want)
			}
			if d := delta[i].Values[j]; d != float32(float64(x)-float64(own[i].Values[j])) || delta[i].Name != aggregator.ControlPrefix+p.Name {
				t.Fatalf("%s at %d: difference %v", delta[i].Name, j, d)
			}
		}
	}
	to[0].Values[0] = float32(math.Inf(1))
	if _, _, err := spec.NextControl(rows.Rows, params, to, train.Correction(server, own), own); !errors.Is(err, train.ErrDiverged) {
		t.Errorf("an infinite model: %v", err)
	}
}

// TestDecodeServerControl reads what the aggregator writes, and refuses a model
// in its place.
func TestDecodeServerControl(t *testing.T) {
	t.Parallel()
	spec, params, _ := controlled(t, 3)
	model, err := train.FileLayout(spec)
	if err != nil {
		t.Fatal(err)
	}
	layout, err := aggregator.StateLayout(model, 1, false)
	if err != nil {
		t.Fatal(err)
	}
	want := ramp(t, spec, 0.5)
	var file bytes.Buffer
	w, err := tensor.NewWriter(&file, layout)
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range layout.Tensors() {
		for _, p := range want {
			for _, x := range p.Values {
				if of.Name == aggregator.StateName(p.Name) {
					_, _ = w.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(float64(x)))) // Close tells
				}
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := train.DecodeServerControl(bytes.NewReader(file.Bytes()), int64(file.Len()), spec)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range got {
		for j, x := range p.Values {
			if x != want[i].Values[j] {
				t.Fatalf("%s at %d: %v, want %v", p.Name, j, x, want[i].Values[j])
			}
		}
	}
	b, err := train.EncodeFile(params)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := train.DecodeServerControl(bytes.NewReader(b), int64(len(b)), spec); err == nil {
		t.Error("a model is read as a state")
	}
}
