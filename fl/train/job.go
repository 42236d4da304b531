package train

import "github.com/librum/librum/fl/job"

// FromJob returns what a job's spec says about model and training. A peer adds
// what is its own affair: its seed and how it augments its rows.
func FromJob(spec *job.Spec) Spec {
	layers := make([]int, len(spec.Model.Layers))
	for i, n := range spec.Model.Layers {
		layers[i] = int(n)
	}
	return Spec{
		Layers:       layers,
		LocalEpochs:  int(spec.Train.LocalEpochs),
		BatchSize:    int(spec.Train.BatchSize),
		LearningRate: spec.Train.LearningRate,
		Momentum:     spec.Train.Momentum,
		ProximalMu:   spec.Train.ProximalMu,
		Seed:         spec.Seed,
	}
}
