package train

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/librum/librum/fl/data"
)

// ErrDiverged is wrapped when a step leaves a loss or a weight that is no
// finite number: a smaller learning rate is the usual cure.
var ErrDiverged = errors.New("training diverged")

// ErrBusy is returned by a call on a Trainer that is inside another call.
var ErrBusy = errors.New("the trainer is busy with another call")

// Trainer trains and measures the model of one Spec. It keeps the compiled
// graphs, so that only the first round pays for them. Trainers are independent:
// any number may work at once. One Trainer does one thing at a time and answers
// ErrBusy to a call that comes in between.
type Trainer struct {
	spec   Spec
	busy   chan struct{} // holds a token while a call is on the way
	values [][]float32   // the model being trained; memory of both networks
	start  [][]float32   // the model the round began with
	moved  []float32     // scratch of Augment, one row
	sgd    *sgd
	fit    *network // batches of spec.BatchSize, with gradients; nil until used
	score  *network // batches of scoreRows, logits only; nil until used
}

// scoreRows is the batch size of Evaluate; results do not depend on it.
const scoreRows = 64

// New returns a Trainer for spec, or the error of spec.Validate. It sets aside
// memory for the model; the graphs are built when they are first needed.
func New(spec Spec) (*Trainer, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	spec = spec.clone()
	t := &Trainer{spec: spec, busy: make(chan struct{}, 1), moved: make([]float32, spec.Layers[0])}
	for _, p := range layout(spec) {
		t.values = append(t.values, p.Values)
		t.start = append(t.start, make([]float32, len(p.Values)))
	}
	t.sgd = newSGD(spec, t.values)
	return t, nil
}

// Spec returns what the Trainer was made for.
func (t *Trainer) Spec() Spec {
	return t.spec.clone()
}

// Train runs spec.LocalEpochs over the rows of ds from the model in params and
// returns the new model, in layout order and in memory of its own. The metrics
// are those of the last epoch, each batch measured before its step and augmented
// as it was trained on. Order and augmentation follow from the seed and round, so
// the same arguments give the same bits, whatever was trained before.
//
// Errors wrap ErrInvalid, ErrDiverged, ErrBusy or the cause of ctx, which is
// looked at before each batch.
func (t *Trainer) Train(ctx context.Context, params []Param, ds data.Dataset, round uint64) ([]Param, Metrics, error) {
	return t.train(ctx, params, nil, ds, round)
}

// TrainCorrected is Train with a correction, of the model's parameters, added to
// every gradient (SCAFFOLD). It goes with a spec without a proximal term.
func (t *Trainer) TrainCorrected(ctx context.Context, params, correction []Param, ds data.Dataset, round uint64) ([]Param, Metrics, error) {
	if t.spec.ProximalMu != 0 {
		return nil, Metrics{}, fmt.Errorf("train round %d: a correction beside a proximal term: %w", round, ErrInvalid)
	}
	ordered, err := checkParams(t.spec, correction)
	if err != nil {
		return nil, Metrics{}, fmt.Errorf("train round %d: correction: %w", round, err)
	}
	return t.train(ctx, params, ordered, ds, round)
}

// train is Train; a correction is in layout order, nil for none.
func (t *Trainer) train(ctx context.Context, params, correction []Param, ds data.Dataset, round uint64) ([]Param, Metrics, error) {
	release, err := t.begin(params, ds)
	if err != nil {
		return nil, Metrics{}, fmt.Errorf("train round %d: %w", round, err)
	}
	defer release()
	if t.spec.LocalEpochs == 0 {
		return nil, Metrics{}, fmt.Errorf("train round %d: local_epochs is 0, there is nothing to train: %w", round, ErrInvalid)
	}
	if t.fit == nil {
		if t.fit, err = newNetwork(t.spec, t.spec.BatchSize, true, t.values); err != nil {
			return nil, Metrics{}, fmt.Errorf("build the training graph: %w", err)
		}
	}
	t.sgd.reset()
	t.sgd.correction = nil
	for _, p := range correction {
		values := make([]float32, len(p.Values))
		load(values, p)
		t.sgd.correction = append(t.sgd.correction, values)
	}
	order := newRand("order", t.spec.Seed, round)
	augment := newRand("augment", t.spec.Seed, round)
	last := tally{}
	for epoch := range t.spec.LocalEpochs {
		last = tally{regression: t.spec.regression()}
		for rows := range slices.Chunk(order.Perm(ds.Rows), t.spec.BatchSize) {
			if err := context.Cause(ctx); err != nil {
				return nil, Metrics{}, fmt.Errorf("train round %d, epoch %d: %w", round, epoch, err)
			}
			if err := t.batch(ds, rows, augment, &last); err != nil {
				return nil, Metrics{}, fmt.Errorf("train round %d, epoch %d: %w", round, epoch, err)
			}
		}
	}
	trained, err := t.export()
	if err != nil {
		return nil, Metrics{}, fmt.Errorf("train round %d: %w", round, err)
	}
	return trained, last.metrics(), nil
}

// Evaluate measures the model in params on ds. Errors are those of Train.
func (t *Trainer) Evaluate(ctx context.Context, params []Param, ds data.Dataset) (Metrics, error) {
	release, err := t.begin(params, ds)
	if err != nil {
		return Metrics{}, fmt.Errorf("evaluate: %w", err)
	}
	defer release()
	if t.score == nil {
		if t.score, err = newNetwork(t.spec, scoreRows, false, t.values); err != nil {
			return Metrics{}, fmt.Errorf("build the evaluation graph: %w", err)
		}
	}
	sum := tally{regression: t.spec.regression()}
	for from := 0; from < ds.Rows; from += scoreRows {
		if err := context.Cause(ctx); err != nil {
			return Metrics{}, fmt.Errorf("evaluate from row %d: %w", from, err)
		}
		// Rows left over from the batch before do no harm: outputs of one row do
		// not depend on the others, and only real rows are counted.
		to := min(from+scoreRows, ds.Rows)
		copy(t.score.inputs, ds.Features[from*ds.Columns:to*ds.Columns])
		if err := t.score.run(); err != nil {
			return Metrics{}, fmt.Errorf("evaluate from row %d: %w", from, err)
		}
		rows := make([]int, to-from)
		for i := range rows {
			rows[i] = from + i
		}
		if err := t.count(t.score, ds, rows, &sum); err != nil {
			return Metrics{}, fmt.Errorf("evaluate from row %d: %w", from, err)
		}
	}
	return sum.metrics(), nil
}

// begin takes the Trainer, checks the input and loads the model.
func (t *Trainer) begin(params []Param, ds data.Dataset) (release func(), err error) {
	select {
	case t.busy <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	release = func() { <-t.busy }
	ordered, err := checkParams(t.spec, params)
	if err == nil {
		err = checkData(t.spec, ds)
	}
	if err != nil {
		release()
		return nil, err
	}
	for i, p := range ordered {
		load(t.values[i], p)
		copy(t.start[i], t.values[i])
	}
	return release, nil
}

// load copies a parameter in, weights turned to […, out].
func load(values []float32, p Param) {
	if len(p.Shape) > 1 {
		transpose(values, p.Values, p.Shape[0], len(p.Values)/p.Shape[0])
	} else {
		copy(values, p.Values)
	}
}

// batch takes one step over the named rows of ds.
func (t *Trainer) batch(ds data.Dataset, rows []int, augment *rand.Rand, sum *tally) error {
	clear(t.fit.inputs)
	for i, row := range rows {
		input := t.fit.inputs[i*ds.Columns : (i+1)*ds.Columns]
		copy(input, ds.Row(row))
		t.spec.Augment.apply(input, t.moved, augment)
	}
	t.fit.aim(ds, rows)
	if err := t.fit.run(); err != nil {
		return err
	}
	if err := t.count(t.fit, ds, rows, sum); err != nil {
		return err
	}
	for i, node := range t.fit.grads {
		grad, err := result(node)
		if err != nil {
			return err
		}
		t.sgd.step(i, t.values[i], grad, t.start[i])
	}
	return nil
}

// count adds the rows of ds that n has just computed.
func (t *Trainer) count(n *network, ds data.Dataset, rows []int, sum *tally) error {
	outputs, err := result(n.outputs)
	if err != nil {
		return err
	}
	width := t.spec.outputs()
	for i, row := range rows {
		given := outputs[i*width : (i+1)*width]
		if j := slices.IndexFunc(given, notFinite); j >= 0 {
			return fmt.Errorf("output %d is %v: lower the learning rate: %w", j, given[j], ErrDiverged)
		}
		sum.add(given, ds, row)
	}
	return nil
}

// export copies the model out, weights turned back to [out, …].
func (t *Trainer) export() ([]Param, error) {
	params := layout(t.spec)
	for i, p := range params {
		if j := slices.IndexFunc(t.values[i], notFinite); j >= 0 {
			return nil, fmt.Errorf("a value of %s is %v: lower the learning rate: %w", p.Name, t.values[i][j], ErrDiverged)
		}
		if len(p.Shape) > 1 {
			transpose(p.Values, t.values[i], len(p.Values)/p.Shape[0], p.Shape[0])
		} else {
			copy(p.Values, t.values[i])
		}
	}
	return params, nil
}

// transpose writes the rows×columns matrix from into to as columns×rows.
func transpose(to, from []float32, rows, columns int) {
	for r := range rows {
		for c := range columns {
			to[c*rows+r] = from[r*columns+c]
		}
	}
}
