package train

import (
	"fmt"
	"math"

	"github.com/librum/librum/fl/data"
)

// Metrics say how well a model fits a data set.
type Metrics struct {
	Loss       float64 // mean cross-entropy in nats; of regression the mean squared error
	Accuracy   float64 // share of rows whose largest logit is the label's, 0 to 1; 0 of regression
	MAE        float64 // of regression, the mean absolute error
	R2         float64 // of regression, 1 - squared errors / squared distances from the mean; 0 where all targets are equal
	Regression bool
	Examples   int // rows that were measured
}

// Named returns the metrics by the names under which peers tell them, which are
// those that job.Model lists.
func (m Metrics) Named() map[string]float64 {
	if m.Regression {
		return map[string]float64{"loss": m.Loss, "mse": m.Loss, "mae": m.MAE, "r2": m.R2}
	}
	return map[string]float64{"loss": m.Loss, "accuracy": m.Accuracy}
}

// tally sums what Metrics average. The sums are float64 in row order, so they
// do not depend on how the rows were batched.
type tally struct {
	regression bool
	loss       float64
	correct    int
	absolute   float64 // errors of regression
	targets    float64
	squares    float64 // of targets
	rows       int
}

func (t *tally) metrics() Metrics {
	n := float64(t.rows)
	m := Metrics{Loss: t.loss / n, Examples: t.rows, Regression: t.regression}
	if !t.regression {
		m.Accuracy = float64(t.correct) / n
		return m
	}
	m.MAE = t.absolute / n
	if spread := t.squares - t.targets*t.targets/n; spread > 1e-12*t.squares {
		m.R2 = 1 - t.loss/spread
	}
	return m
}

// add counts one row of what a model gave for row i of ds.
func (t *tally) add(outputs []float32, ds data.Dataset, i int) {
	t.rows++
	if t.regression {
		target := float64(ds.Targets[i])
		miss := float64(outputs[0]) - target
		t.loss += miss * miss
		t.absolute += math.Abs(miss)
		t.targets += target
		t.squares += target * target
		return
	}
	t.addClass(outputs, ds.Labels[i])
}

// addClass counts a row of logits. A tie goes to the lower class, as in numpy.
func (t *tally) addClass(logits []float32, label int32) {
	best, sum := 0, 0.0
	for class, z := range logits {
		if z > logits[best] {
			best = class
		}
	}
	// Shifted by the largest logit, no exponential overflows and the sum is at
	// least 1.
	for _, z := range logits {
		sum += math.Exp(float64(z) - float64(logits[best]))
	}
	t.loss += math.Log(sum) + float64(logits[best]) - float64(logits[label])
	if best == int(label) {
		t.correct++
	}
}

// checkData refuses a data set that does not fit the model.
func checkData(spec Spec, d data.Dataset) error {
	if err := d.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if spec.regression() != (d.Classes == 0) {
		return fmt.Errorf("data set of %d classes: the model %s wants %s: %w", d.Classes, spec.model().Name, wanted(spec), ErrInvalid)
	}
	features, classes := spec.Layers[0], spec.outputs()
	if d.Columns != features || d.Classes > classes {
		return fmt.Errorf("data set of %d columns and %d classes: the model takes %d columns and at most %d classes: %w",
			d.Columns, d.Classes, features, classes, ErrInvalid)
	}
	return nil
}

func wanted(spec Spec) string {
	if spec.regression() {
		return "numbers to find, so a label of type number"
	}
	return "classes"
}
