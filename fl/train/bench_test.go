package train

import (
	"sync"
	"testing"

	"github.com/librum/librum/fl/data"
)

// BenchmarkStep is one batch of 16 rows, forward, backward and SGD.
func BenchmarkStep(b *testing.B) {
	pool, _, err := data.Digits()
	if err != nil {
		b.Fatal(err)
	}
	spec := DigitsSpec()
	tr, err := New(spec)
	if err != nil {
		b.Fatal(err)
	}
	params, err := InitialModel(spec)
	if err != nil {
		b.Fatal(err)
	}
	rows := make([]int, spec.BatchSize)
	for i := range rows {
		rows[i] = i
	}
	batch, err := pool.Subset(rows)
	if err != nil {
		b.Fatal(err)
	}
	tr.spec.LocalEpochs = 100 // so that checks and copies of a round weigh little
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
