package train

import (
	"sync"
	"testing"

	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
)

// BenchmarkStep is one batch, forward, backward and SGD: of the digits, of
// MNIST's usual perceptron, of LeNet-5 and of linear regression.
func BenchmarkStep(b *testing.B) {
	pool, _, err := data.Digits()
	if err != nil {
		b.Fatal(err)
	}
	images := noisyImages(32, 28*28, 1)
	numbers, _ := line(32, 100, 0.1, 1)
	perceptron := Spec{Layers: []int{28 * 28, 200, 200, 10}, BatchSize: 32, LearningRate: 0.1}
	convolutions := Spec{Model: job.ModelLeNet5, Layers: []int{28 * 28, 10}, BatchSize: 32, LearningRate: 0.01}
	linear := Spec{Model: job.ModelLinear, Layers: []int{100, 1}, BatchSize: 32, LearningRate: 0.01}
	b.Run("digits", func(b *testing.B) { benchmarkStep(b, DigitsSpec(), pool) })
	b.Run("mlp-784-200-200-10", func(b *testing.B) { benchmarkStep(b, perceptron, images) })
	b.Run("lenet5", func(b *testing.B) { benchmarkStep(b, convolutions, images) })
	b.Run("linear-100", func(b *testing.B) { benchmarkStep(b, linear, numbers) })
}

func benchmarkStep(b *testing.B, spec Spec, rows data.Dataset) {
	b.Helper()
	spec.LocalEpochs = 100 // so that checks and copies of a round weigh little
	tr, err := New(spec)
	if err != nil {
		b.Fatal(err)
	}
	params, err := InitialModel(spec)
	if err != nil {
		b.Fatal(err)
	}
	first := make([]int, spec.BatchSize)
	for i := range first {
		first[i] = i
	}
	batch, err := rows.Subset(first)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := tr.Train(b.Context(), params, batch, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100, "µs/step")
}

// BenchmarkRound is a round of the demo: ten peers train at once.
func BenchmarkRound(b *testing.B) {
	pool, _, err := data.Digits()
	if err != nil {
		b.Fatal(err)
	}
	splits, err := data.Dirichlet(pool, accuracyAlpha, accuracyPeers, accuracyMin, 1)
	if err != nil {
		b.Fatal(err)
	}
	spec := DigitsSpec()
	model, err := InitialModel(spec)
	if err != nil {
		b.Fatal(err)
	}
	peers, parts := make([]*Trainer, len(splits)), make([]data.Dataset, len(splits))
	for i, rows := range splits {
		if parts[i], err = pool.Subset(rows); err != nil {
			b.Fatal(err)
		}
		if peers[i], err = New(spec); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		var group sync.WaitGroup
		for i, peer := range peers {
			group.Go(func() {
				if _, _, err := peer.Train(b.Context(), model, parts[i], 0); err != nil {
					b.Error(err)
				}
			})
		}
		group.Wait()
	}
}
