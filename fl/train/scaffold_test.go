package train_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/aggregator/tensor"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/train"
)

// drifting is two peers with unlike data, one the digits below 5 and one those
// from 5 on, that take many steps in a round.
type drifting struct {
	spec   train.Spec
	layout tensor.Layout
	parts  []data.Dataset
	all    data.Dataset
}

func newDrifting(t *testing.T) *drifting {
	t.Helper()
	pool, _, err := data.Digits()
	if err != nil {
		t.Fatal(err)
	}
	var rows [2][]int
	for i := range 300 {
		half := 0
		if pool.Labels[i] >= 5 {
			half = 1
		}
		rows[half] = append(rows[half], i)
	}
	d := &drifting{spec: train.Spec{Model: "logistic", Layers: []int{64, 10}, LocalEpochs: 20, BatchSize: 16, LearningRate: 0.1, Seed: 5}}
	if d.layout, err = train.FileLayout(d.spec); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		part, err := pool.Subset(r)
		if err != nil {
			t.Fatal(err)
		}
		d.parts = append(d.parts, part)
	}
	if d.all, err = pool.Subset(append(rows[0], rows[1]...)); err != nil {
		t.Fatal(err)
	}
	return d
}

// run trains rounds by a strategy and returns the loss over all rows. It holds
// on the way that SCAFFOLD's c is the mean of the peers'.
func (d *drifting) run(t *testing.T, name string, rounds uint64) float64 {
	t.Helper()
	rule, err := strategy.Resolve(strategy.Choice{Strategy: strategy.Part{Name: name}})
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := train.New(d.spec)
	if err != nil {
		t.Fatal(err)
	}
	global, err := train.InitialModel(d.spec)
	if err != nil {
		t.Fatal(err)
	}
	own := make([][]train.Param, len(d.parts))
	server := zeros(t, d.spec)
	for i := range own {
		own[i] = zeros(t, d.spec)
	}
	var state []byte
	for round := uint64(1); round <= rounds; round++ {
		in := strategy.Input{Model: d.layout, Global: encoded(t, global), Cohort: len(d.parts)}
		if state != nil {
			in.State = &aggregator.Source{File: bytes.NewReader(state), Size: int64(len(state))}
		}
		for i, part := range d.parts {
			correction := train.Correction(server, own[i])
			update, _, err := trainer.TrainCorrected(t.Context(), global, correction, part, round)
			if err != nil {
				t.Fatal(err)
			}
			if rule.Needs().Controls {
				next, delta, err := d.spec.NextControl(part.Rows, global, update, correction, own[i])
				if err != nil {
					t.Fatal(err)
				}
				own[i], update = next, append(update, delta...)
			}
			file := encoded(t, update)
			in.Updates = append(in.Updates, aggregator.Update{Peer: []byte{byte(i)}, File: file.File, Size: file.Size, Weight: uint64(part.Rows)})
		}
		var model, kept bytes.Buffer
		if _, err := rule.Aggregate(t.Context(), in, strategy.Output{Model: &model, State: &kept}, aggregator.Options{}); err != nil {
			t.Fatal(err)
		}
		if global, err = train.DecodeFile(bytes.NewReader(model.Bytes()), int64(model.Len()), d.spec); err != nil {
			t.Fatal(err)
		}
		if !rule.Needs().Controls {
			continue
		}
		state = kept.Bytes()
		if server, err = train.DecodeServerControl(bytes.NewReader(state), int64(len(state)), d.spec); err != nil {
			t.Fatal(err)
		}
		for i, p := range server {
			for j, c := range p.Values {
				if mean := float64(own[0][i].Values[j]+own[1][i].Values[j]) / 2; math.Abs(float64(c)-mean) > 1e-4 {
					t.Fatalf("round %d, %s at %d: c is %v, the mean of the peers' %v", round, p.Name, j, c, mean)
				}
			}
		}
	}
	metrics, err := trainer.Evaluate(t.Context(), global, d.all)
	if err != nil {
		t.Fatal(err)
	}
	return metrics.Loss
}

func zeros(t *testing.T, spec train.Spec) []train.Param {
	t.Helper()
	params, err := train.Zeros(spec)
	if err != nil {
		t.Fatal(err)
	}
	return params
}

func encoded(t *testing.T, params []train.Param) aggregator.Source {
	t.Helper()
	b, err := train.EncodeFile(params)
	if err != nil {
		t.Fatal(err)
	}
	return aggregator.Source{File: bytes.NewReader(b), Size: int64(len(b))}
}

// TestScaffoldMeetsDrift is what SCAFFOLD is for: peers with unlike data that
// take many steps drift apart, and the mean of where they end is not where their
// common loss is least. Their control variates hold them back.
func TestScaffoldMeetsDrift(t *testing.T) {
	t.Parallel()
	d := newDrifting(t)
	plain, corrected := d.run(t, "fedavg", 6), d.run(t, "scaffold", 6)
	t.Logf("loss after 6 rounds: FedAvg %.4f, SCAFFOLD %.4f", plain, corrected)
	if !(corrected < 0.7*plain) {
		t.Errorf("loss %.4f with control variates, %.4f without", corrected, plain)
	}
}
