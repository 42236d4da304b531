package train_test

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
)

// TestJobRoundTrip sets every field of a Spec to another value, so that a field
// which ToJob or FromJob forgets shows up.
func TestJobRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		layers := rapid.SliceOfN(rapid.IntRange(1, 300), 2, 5).Draw(t, "layers")
		want := train.Spec{
			Model:        rapid.SampledFrom(job.Models()).Draw(t, "model"),
			Layers:       layers,
			LocalEpochs:  rapid.IntRange(1, job.MaxLocalEpochs).Draw(t, "local_epochs"),
			BatchSize:    rapid.IntRange(1, job.MaxBatchSize).Draw(t, "batch_size"),
			LearningRate: rapid.Float64Range(0.001, 1).Draw(t, "learning_rate"),
			Momentum:     rapid.Float64Range(0.001, 0.99).Draw(t, "momentum"),
			ProximalMu:   rapid.Float64Range(0.001, 10).Draw(t, "proximal_mu"),
			Augment: train.Augment{
				Noise:      rapid.Float64Range(0.001, 10).Draw(t, "noise"),
				Jitter:     rapid.Float64Range(0.001, 1).Draw(t, "jitter"),
				Width:      rapid.IntRange(1, 100).Draw(t, "width"),
				Background: rapid.Float64Range(0.001, 1).Draw(t, "background"),
			},
			Parameters: job.Parameters{Share: []string{"layer*"}, KeepLocal: []string{"*.bias"}},
			Seed:       rapid.Uint64Range(1, job.MaxSeed).Draw(t, "seed"),
		}
		if forgotten := zeroField(reflect.ValueOf(want)); forgotten != "" {
			t.Fatalf("this test sets no %s", forgotten)
		}
		spec := job.Defaults()
		want.ToJob(&spec)
		if got := train.FromJob(&spec); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v became %+v", want, got)
		}
		if spec.Model.Name != want.Model || spec.NumRounds != job.Defaults().NumRounds {
			t.Fatalf("the job's spec became %+v", spec)
		}
		// A second call replaces what the first one wrote.
		want.ToJob(&spec)
		if got := train.FromJob(&spec); !reflect.DeepEqual(got, want) {
			t.Fatalf("written twice, %+v became %+v", want, got)
		}
	})
}

// zeroField names a field that has its zero value.
func zeroField(v reflect.Value) string {
	for i := range v.NumField() {
		name, field := v.Type().Field(i).Name, v.Field(i)
		if field.Kind() == reflect.Struct {
			if inner := zeroField(field); inner != "" {
				return name + "." + inner
			}
			continue
		}
		if field.IsZero() {
			return name
		}
	}
	return ""
}

// TestDefaultJobTrains says that what a job's author leaves out is a valid way
// to train.
func TestDefaultJobTrains(t *testing.T) {
	t.Parallel()
	spec := job.Defaults()
	spec.Model.Layers = []int64{64, 10}
	got := train.FromJob(&spec)
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}
