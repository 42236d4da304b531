package train

import (
	"fmt"
	"math"

	"github.com/librum/librum/fl/data"
)

// Metrics say how well a model fits a data set.
type Metrics struct {
	Loss     float64 // mean cross-entropy in nats
	Accuracy float64 // share of rows whose largest logit is the label's, 0 to 1
	Examples int     // rows that were measured
}

// tally sums what Metrics average. The sums are float64 in row order, so they
// do not depend on how the rows were batched.
type tally struct {
	loss    float64
	correct int
	rows    int
}

func (t *tally) metrics() Metrics {
	n := float64(t.rows)
	return Metrics{Loss: t.loss / n, Accuracy: float64(t.correct) / n, Examples: t.rows}
}

// add counts one row of logits. A tie goes to the lower class, as in numpy.
func (t *tally) add(logits []float32, label int32) {
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
	t.rows++
}

// checkData refuses a data set that does not fit the model.
func checkData(spec Spec, d data.Dataset) error {
	if err := d.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	features, classes := spec.Layers[0], spec.Layers[len(spec.Layers)-1]
	if d.Columns != features || d.Classes > classes {
		return fmt.Errorf("data set of %d columns and %d classes: the model takes %d columns and at most %d classes: %w",
			d.Columns, d.Classes, features, classes, ErrInvalid)
	}
	return nil
}
