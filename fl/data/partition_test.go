package data

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawDataset is a small table with uneven labels, some perhaps absent.
func drawDataset(t *rapid.T) Dataset {
	classes := rapid.IntRange(1, 6).Draw(t, "classes")
	labels := rapid.SliceOfN(rapid.Int32Range(0, int32(classes-1)), 1, 80).Draw(t, "labels")
	return Dataset{
		Features: make([]float32, len(labels)), Labels: labels,
		Rows: len(labels), Columns: 1, Classes: classes,
	}
}

// checkPartition is invariant 2, counted the slow way.
func checkPartition(t *rapid.T, splits [][]int, rows, peers, minRows int) {
	if len(splits) != peers {
		t.Fatalf("%d splits for %d peers", len(splits), peers)
	}
	seen := map[int]int{}
	for peer, split := range splits {
		if len(split) < minRows {
			t.Fatalf("peer %d has %d rows, want at least %d", peer, len(split), minRows)
		}
		if !slices.IsSorted(split) {
			t.Fatalf("peer %d: %v does not ascend", peer, split)
		}
		for _, row := range split {
			seen[row]++
		}
	}
	for row := range rows {
		if seen[row] != 1 {
			t.Fatalf("row %d is in %d splits", row, seen[row])
		}
	}
	if len(seen) != rows {
		t.Fatalf("%d rows in the splits of %d", len(seen), rows)
	}
}

func TestDirichletIsAPartition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawDataset(t)
		minRows := rapid.IntRange(1, d.Rows).Draw(t, "minRows")
		peers := rapid.IntRange(1, d.Rows/minRows).Draw(t, "peers")
		alpha := math.Pow(10, rapid.Float64Range(-2, 6).Draw(t, "log alpha"))
		seed := rapid.Uint64().Draw(t, "seed")
		splits, err := Dirichlet(d, alpha, peers, minRows, seed)
		if err != nil {
			t.Fatal(err)
		}
		checkPartition(t, splits, d.Rows, peers, minRows)
		again, err := Dirichlet(d, alpha, peers, minRows, seed)
		if err != nil || !reflect.DeepEqual(splits, again) {
			t.Fatalf("the same seed gives another split (%v)", err)
		}
	})
}

func TestIIDIsAnEvenPartition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawDataset(t)
		peers := rapid.IntRange(1, d.Rows).Draw(t, "peers")
		seed := rapid.Uint64().Draw(t, "seed")
		splits, err := IID(d, peers, seed)
		if err != nil {
			t.Fatal(err)
		}
		checkPartition(t, splits, d.Rows, peers, d.Rows/peers)
		for _, split := range splits {
			if len(split) > d.Rows/peers+1 {
				t.Fatalf("a split of %d rows where %d among %d is even", len(split), d.Rows, peers)
			}
		}
		again, err := IID(d, peers, seed)
		if err != nil || !reflect.DeepEqual(splits, again) {
			t.Fatalf("the same seed gives another split (%v)", err)
		}
	})
}

// TestDirichletShares compares the draws with the moments of the distribution:
// each share has mean 1/n and variance (n-1)/(n²(nα+1)).
func TestDirichletShares(t *testing.T) {
	t.Parallel()
	const peers, draws = 10, 20_000
	for _, alpha := range []float64{0.05, 0.5, 1, 5} {
		source := newSource("moments", 1)
		sum, squares := 0.0, 0.0
		for range draws {
			share := shares(alpha, peers, source)[0]
			sum += share
			squares += share * share
		}
		mean := sum / draws
		variance := squares/draws - mean*mean
		want := (peers - 1) / (float64(peers*peers) * (peers*alpha + 1))
		if math.Abs(mean-0.1) > 0.01 || math.Abs(variance/want-1) > 0.1 {
			t.Errorf("alpha %v: mean %.4f and variance %.5f of a share, want 0.1 and %.5f", alpha, mean, variance, want)
		}
	}
}

// TestAlphaSetsTheUnevenness measures the total variation between the labels of
// a peer and those of the pool, averaged over peers.
func TestAlphaSetsTheUnevenness(t *testing.T) {
	t.Parallel()
	pool, _, err := Digits()
	if err != nil {
		t.Fatal(err)
	}
	unevenness := func(alpha float64) float64 {
		sum := 0.0
		for seed := range uint64(5) {
			splits, err := Dirichlet(pool, alpha, 10, 5, seed)
			if err != nil {
				t.Fatal(err)
			}
			for _, rows := range splits {
				part, err := pool.Subset(rows)
				if err != nil {
					t.Fatal(err)
				}
				for label, n := range part.LabelCounts() {
					sum += math.Abs(float64(n)/float64(part.Rows)-float64(pool.LabelCounts()[label])/float64(pool.Rows)) / 2
				}
			}
		}
		return sum / 50
	}
	few, some, even := unevenness(0.05), unevenness(0.5), unevenness(1000)
	if few < 0.65 || some < 0.3 || some > 0.6 || even > 0.05 {
		t.Errorf("unevenness is %.2f at alpha 0.05, %.2f at 0.5, %.2f at 1000", few, some, even)
	}
}

func TestSplitsDependOnTheSeed(t *testing.T) {
	t.Parallel()
	pool, _, err := Digits()
	if err != nil {
		t.Fatal(err)
	}
	a, errA := Dirichlet(pool, 0.5, 10, 5, 1)
	b, errB := Dirichlet(pool, 0.5, 10, 5, 2)
	if errA != nil || errB != nil || reflect.DeepEqual(a, b) {
		t.Errorf("seeds 1 and 2 give one Dirichlet split (%v, %v)", errA, errB)
	}
	a, errA = IID(pool, 10, 1)
	b, errB = IID(pool, 10, 2)
	if errA != nil || errB != nil || reflect.DeepEqual(a, b) {
		t.Errorf("seeds 1 and 2 give one even split (%v, %v)", errA, errB)
	}
}

func TestSplitRefuses(t *testing.T) {
	t.Parallel()
	d := Dataset{Features: make([]float32, 20), Labels: make([]int32, 20), Rows: 20, Columns: 1, Classes: 1}
	cases := map[string]struct {
		alpha          float64
		peers, minRows int
	}{
		"alpha zero":        {0, 2, 1},
		"alpha negative":    {-1, 2, 1},
		"alpha NaN":         {math.NaN(), 2, 1},
		"alpha infinite":    {math.Inf(1), 2, 1},
		"no peers":          {1, 0, 1},
		"no rows a peer":    {1, 2, 0},
		"too many peers":    {1, 21, 1},
		"too many rows":     {1, 5, 5},
		"product overflows": {1, math.MaxInt, math.MaxInt},
	}
	for name, c := range cases {
		if _, err := Dirichlet(d, c.alpha, c.peers, c.minRows, 1); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	for _, peers := range []int{-1, 0, 21} {
		if _, err := IID(d, peers, 1); !errors.Is(err, ErrInvalid) {
			t.Errorf("%d peers: %v, want ErrInvalid", peers, err)
		}
	}
}
