package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/train"
)

// TestAttacks holds what attackers send against the papers' formulas, by hand:
// the honest updates of one weight are 1, 2 and 6 over a model of 0.
func TestAttacks(t *testing.T) {
	t.Parallel()
	one := func(x float32) []train.Param { return []train.Param{{Name: "w", Values: []float32{x}}} }
	deviation := math.Sqrt(14. / 3)
	for name, want := range map[string]float64{
		attackSignFlip: -4 * 5, attackALIE: 3 - 1.5*deviation, attackIPM: -1.5, attackLabelFlip: 5,
	} {
		a, err := parseAttack(name, 0.25, 4)
		if err != nil {
			t.Fatal(err)
		}
		updates := [][]train.Param{one(1), one(2), one(6), one(5)}
		a.replace(one(0), updates, []int{0, 1, 2, 3}, 4, 1, 1)
		if got := float64(updates[3][0].Values[0]); math.Abs(got-want) > 1e-6 || updates[2][0].Values[0] != 6 {
			t.Errorf("%s sends %g, want %g", name, got, want)
		}
	}
	const weights = 10_000
	wide := func() []train.Param { return []train.Param{{Name: "w", Values: make([]float32, weights)}} }
	a, err := parseAttack(attackGaussian, 0.25, 4)
	if err != nil {
		t.Fatal(err)
	}
	updates := [][]train.Param{wide()}
	a.replace(wide(), updates, []int{3}, 4, 1, 1)
	squares := 0.0
	for _, x := range updates[0][0].Values {
		squares += float64(x) * float64(x) / weights
	}
	if squares < 0.9 || squares > 1.1 {
		t.Errorf("gaussian has variance %g, want 1", squares)
	}
	flipped := flipLabels(data.Dataset{Labels: []int32{0, 2, 9}, Classes: 10})
	if flipped.Labels[0] != 9 || flipped.Labels[1] != 7 || flipped.Labels[2] != 0 {
		t.Errorf("flipped: %v", flipped.Labels)
	}
	for _, share := range []float64{0, 0.5, -1, math.NaN(), 0.01} {
		if _, err := parseAttack(attackIPM, share, 4); err == nil {
			t.Errorf("a share of %g passes", share)
		}
	}
}

// TestAttackTable has a strategy stand what another does not.
func TestAttackTable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	spec := filepath.Join(dir, "job.yaml")
	const text = "num_rounds: 5\nmodel: {name: logistic, layers: [64, 10]}\ntrain: {local_epochs: 2, batch_size: 32, learning_rate: 0.05}\n"
	if err := os.WriteFile(spec, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	plot := filepath.Join(dir, "plot.svg")
	out, log, code := run(t, newBenchCommand(), "accuracy", "--file", spec, "--data", "digits", "--peers", "15", "--seeds", "1",
		"--strategies", "fedavg,median,adaptive+krum", "--attacks", "none,gaussian", "--plot", plot, "--json")
	var r accuracyResult
	if err := json.Unmarshal([]byte(out), &r); code != 0 || err != nil {
		t.Fatalf("exit %d, %v: %s", code, err, log)
	}
	at := map[string]float64{}
	for _, c := range r.Cells {
		at[c.Strategy+" "+c.Attack] = c.Accuracy
	}
	if len(r.Cells) != 6 || at["fedavg none"] < 0.75 || at["fedavg gaussian"] > at["median gaussian"]-0.1 || at["adaptive+krum gaussian"] < 0.6 {
		t.Errorf("%v", at)
	}
	if _, err := os.Stat(plot); err != nil {
		t.Error(err)
	}
}
