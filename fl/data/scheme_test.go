package data

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestLabelsIsAPartition draws tables and counts the labels of each peer.
func TestLabelsIsAPartition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawDataset(t)
		present := 0
		for _, n := range d.LabelCounts() {
			present += min(n, 1)
		}
		perPeer := rapid.IntRange(1, present).Draw(t, "labels")
		peers := rapid.IntRange(1, d.Rows).Draw(t, "peers")
		seed := rapid.Uint64().Draw(t, "seed")
		splits, err := Labels(d, perPeer, peers, seed)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatal(err)
			}
			if peers*perPeer >= present && peers == 1 {
				t.Fatalf("refused what fits: %v", err)
			}
			return
		}
		checkPartition(t, splits, d.Rows, peers, 1)
		for peer, split := range splits {
			var labels []int32
			for _, row := range split {
				labels = append(labels, d.Labels[row])
			}
			slices.Sort(labels)
			if got := len(slices.Compact(labels)); got != perPeer {
				t.Fatalf("peer %d has %d labels, want %d", peer, got, perPeer)
			}
		}
		again, err := Labels(d, perPeer, peers, seed)
		if err != nil || !reflect.DeepEqual(splits, again) {
			t.Fatalf("the same seed gives another split (%v)", err)
		}
	})
}

// TestLabelsAreDealtFairly holds the numbers of peers of two labels to a
// difference of at most one, at the size of McMahan's experiment too.
func TestLabelsAreDealtFairly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ labels, perPeer, peers int }{{10, 2, 100}, {10, 3, 7}, {3, 2, 5}, {5, 5, 4}, {4, 3, 9}, {10, 1, 10}} {
		for seed := range uint64(50) {
			holders := dealLabels(c.labels, c.perPeer, c.peers, rand.New(newSource("test", seed)))
			least, most := c.peers, 0
			for _, peers := range holders {
				least, most = min(least, len(peers)), max(most, len(peers))
			}
			if most-least > 1 {
				t.Fatalf("%+v, seed %d: labels have %d to %d peers", c, seed, least, most)
			}
		}
	}
}

func TestParseScheme(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Scheme{
		"iid": {Kind: SchemeIID}, "dirichlet:0.5": {Kind: SchemeDirichlet, Alpha: 0.5}, "labels:2": {Kind: SchemeLabels, Labels: 2},
	} {
		if got, err := ParseScheme(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "iid:1", "dirichlet", "dirichlet:0", "dirichlet:NaN", "dirichlet:1e9", "labels", "labels:0", "labels:2.5", "shards:2"} {
		if s, err := ParseScheme(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
}

func FuzzParseScheme(f *testing.F) {
	for _, text := range []string{"iid", "dirichlet:0.5", "labels:2", "labels:-1", "dirichlet:+Inf", ":"} {
		f.Add(text)
	}
	d := Dataset{Features: make([]float32, 12), Labels: []int32{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}, Rows: 12, Columns: 1, Classes: 3}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseScheme(text)
		if err != nil {
			return
		}
		if splits, err := s.Split(d, 3, 1); err == nil && len(splits) != 3 {
			t.Errorf("%q gives %d splits", text, len(splits))
		}
	})
}
