package train

import "github.com/librum/librum/fl/job"

// FromJob returns what a job's spec says about model and training. A peer puts
// a seed of its own in place of the job's.
func FromJob(spec *job.Spec) Spec {
	layers := make([]int, len(spec.Model.Layers))
	for i, n := range spec.Model.Layers {
		layers[i] = int(n)
	}
	return Spec{
		Model:        spec.Model.Name,
		Layers:       layers,
		LocalEpochs:  int(spec.Train.LocalEpochs),
		BatchSize:    int(spec.Train.BatchSize),
		LearningRate: spec.Train.LearningRate,
		Momentum:     spec.Train.Momentum,
		ProximalMu:   spec.Train.ProximalMu,
		Augment: Augment{
			Noise:      spec.Train.Augment.Noise,
			Jitter:     spec.Train.Augment.Jitter,
			Width:      int(spec.Train.Augment.Width),
			Background: spec.Train.Augment.Background,
		},
		Parameters: spec.Parameters,
		Seed:       spec.Seed,
	}
}

// ToJob writes what s says about model and training into a job's spec.
func (s Spec) ToJob(spec *job.Spec) {
	spec.Model = s.model()
	spec.Train = job.Train{
		LocalEpochs:  int64(s.LocalEpochs),
		BatchSize:    int64(s.BatchSize),
		LearningRate: s.LearningRate,
		Momentum:     s.Momentum,
		ProximalMu:   s.ProximalMu,
		Augment: job.Augment{
			Noise:      s.Augment.Noise,
			Jitter:     s.Augment.Jitter,
			Width:      int64(s.Augment.Width),
			Background: s.Augment.Background,
		},
	}
	spec.Parameters, spec.Seed = s.Parameters, s.Seed
}
