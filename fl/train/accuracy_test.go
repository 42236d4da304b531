package train

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/librum/librum/fl/data"
)

// The demo's job: ten peers that split the digits by Dirichlet(0.5).
const (
	accuracyPeers = 10
	accuracyAlpha = 0.5
	accuracyMin   = 5 // rows of a peer at least
)

// federate runs rounds of FedAvg in this process: every peer trains from the
// common model at once, then float64 means weighted by rows replace it. It
// returns the accuracy on held-out rows and the steps of all peers together.
func federate(t *testing.T, spec Spec, rounds uint64) (accuracy float64, steps int) {
	t.Helper()
	pool, heldOut := digits(t)
	splits, err := data.Dirichlet(pool, accuracyAlpha, accuracyPeers, accuracyMin, spec.Seed)
	if err != nil {
		t.Fatal(err)
	}
	global := initial(t, spec)
	peers, parts := make([]*Trainer, len(splits)), make([]data.Dataset, len(splits))
	for i, rows := range splits {
		if parts[i], err = pool.Subset(rows); err != nil {
			t.Fatal(err)
		}
		own := spec
		own.Seed = spec.Seed<<8 + uint64(i)
		peers[i] = trainer(t, own)
		steps += int(rounds) * spec.LocalEpochs * ((len(rows) + spec.BatchSize - 1) / spec.BatchSize)
	}
	for round := range rounds {
		updates, problems := make([][]Param, len(peers)), make([]error, len(peers))
		var group sync.WaitGroup
		for i, peer := range peers {
			group.Go(func() {
				updates[i], _, problems[i] = peer.Train(t.Context(), global, parts[i], round)
			})
		}
		group.Wait()
		if err := errors.Join(problems...); err != nil {
			t.Fatal(err)
		}
		global = mean(updates, parts)
	}
	metrics, err := peers[0].Evaluate(t.Context(), global, heldOut)
	if err != nil {
		t.Fatal(err)
	}
	return metrics.Accuracy, steps
}

// mean is FedAvg: one division and one rounding per value.
func mean(updates [][]Param, parts []data.Dataset) []Param {
	global := slices.Clone(updates[0])
	for i := range global {
		values := make([]float32, len(global[i].Values))
		for j := range values {
			sum, rows := 0.0, 0.0
			for peer, update := range updates {
				sum += float64(parts[peer].Rows) * float64(update[i].Values[j])
				rows += float64(parts[peer].Rows)
			}
			values[j] = float32(sum / rows)
		}
		global[i].Values = values
	}
	return global
}

// centralise trains the same model over the pooled rows for exactly as many
// steps: whole epochs first, and the rest over as many rows as it needs.
func centralise(t *testing.T, spec Spec, steps int) float64 {
	t.Helper()
	pool, heldOut := digits(t)
	perEpoch := (pool.Rows + spec.BatchSize - 1) / spec.BatchSize
	model := initial(t, spec)
	spec.LocalEpochs = steps / perEpoch
	tr := trainer(t, spec)
	model, _, err := tr.Train(t.Context(), model, pool, 0)
	if err != nil {
		t.Fatal(err)
	}
	if left := steps % perEpoch; left > 0 {
		tr.spec.LocalEpochs = 1
		model, _, err = tr.Train(t.Context(), model, firstRows(t, pool, left*spec.BatchSize), 1)
		if err != nil {
			t.Fatal(err)
		}
	}
	metrics, err := tr.Evaluate(t.Context(), model, heldOut)
	if err != nil {
		t.Fatal(err)
	}
	return metrics.Accuracy
}

// TestDigitsAccuracy holds DigitsSpec to what it promises, on rows by writers
// that no peer has seen.
func TestDigitsAccuracy(t *testing.T) {
	federated, central := make([]float64, len(accuracySeeds)), make([]float64, len(accuracySeeds))
	// The inner tests run at once; the outer one ends when all of them have.
	t.Run("seeds", func(t *testing.T) {
		for i, seed := range accuracySeeds {
			spec := DigitsSpec()
			spec.Seed = seed
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				steps := 0
				federated[i], steps = federate(t, spec, accuracyRounds)
				central[i] = centralise(t, spec, steps)
				t.Logf("seed %d: federated %.4f, central %.4f, %d steps each", seed, federated[i], central[i], steps)
			})
		}
	})
	if t.Failed() {
		return
	}
	f, c := average(federated), average(central)
	t.Logf("mean: federated %.4f, central %.4f", f, c)
	if f < accuracyFloor {
		t.Errorf("mean accuracy is %.4f, want at least %v", f, accuracyFloor)
	}
	if math.Abs(f-c) > accuracyGap {
		t.Errorf("federated %.4f is over %v from central %.4f", f, accuracyGap, c)
	}
}

func average(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
