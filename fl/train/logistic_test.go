package train

import (
	"testing"

	"github.com/librum/librum/fl/job"
)

// TestLogisticRegression trains the model that a job calls logistic: its loss is
// convex, so a fixed number of small steps must bring it well above chance.
func TestLogisticRegression(t *testing.T) {
	t.Parallel()
	spec := job.Defaults()
	spec.Model = job.Model{Name: job.ModelLogistic, Layers: []int64{64, 10}}
	spec.Train.LearningRate, spec.Train.LocalEpochs = 0.05, 3
	if err := spec.Validate(); err != nil {
		t.Fatal(err)
	}
	pool, heldOut := digits(t)
	tr := trainer(t, FromJob(&spec))
	trained, _, err := tr.Train(t.Context(), initial(t, tr.Spec()), pool, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(trained) != 2 || len(trained[0].Values) != 640 || len(trained[1].Values) != 10 {
		t.Errorf("the model has %d parameters, want one matrix and one bias", len(trained))
	}
	metrics, err := tr.Evaluate(t.Context(), trained, heldOut)
	if err != nil || metrics.Accuracy < 0.85 {
		t.Errorf("accuracy %.3f on held-out rows, error %v; want 0.85", metrics.Accuracy, err)
	}
}
