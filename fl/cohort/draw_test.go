package cohort_test

import (
	"encoding/binary"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/cohort"
)

func seed(n uint64) ledger.Digest { return ledger.Hash(binary.BigEndian.AppendUint64(nil, n)) }

func roster(n int) []ledger.ID {
	ids := make([]ledger.ID, n)
	for i := range ids {
		binary.BigEndian.PutUint64(ids[i][:], uint64(i))
	}
	return ids
}

// TestDrawTwin compares with a twin that reads the stream as one large number
// and shuffles a list by taking out and putting in.
func TestDrawTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := seed(rapid.Uint64().Draw(t, "seed"))
		ids := roster(rapid.IntRange(0, 60).Draw(t, "roster"))
		size := rapid.Uint64Range(0, 70).Draw(t, "size")
		before := slices.Clone(ids)
		got := cohort.Draw(s, ids, size)
		if !slices.Equal(ids, before) {
			t.Fatal("the roster was changed")
		}
		if want := naive(s, ids, int(size)); !slices.Equal(got, want) {
			t.Fatalf("drew %v, want %v", got, want)
		}
	})
}

func naive(s ledger.Digest, ids []ledger.ID, size int) []ledger.ID {
	left := slices.Clone(ids)
	var drawn []ledger.ID
	position := 0
	word := func() *big.Int {
		block := ledger.Hash(append(s[:], seedCounter(position/4)...))
		w := new(big.Int).SetBytes(block[8*(position%4) : 8*(position%4)+8])
		position++
		return w
	}
	all := new(big.Int).Lsh(big.NewInt(1), 64)
	for len(drawn) < size && len(left) > 0 {
		n := big.NewInt(int64(len(left)))
		usable := new(big.Int).Mul(new(big.Int).Div(all, n), n)
		w := word()
		for w.Cmp(usable) >= 0 {
			w = word()
		}
		at := int(new(big.Int).Mod(w, n).Int64())
		drawn = append(drawn, left[at])
		left[at] = left[0] // what stood first takes the place of the one drawn
		left = left[1:]
	}
	slices.SortFunc(drawn, func(a, b ledger.ID) int { return slices.Compare(a[:], b[:]) })
	return drawn
}

func seedCounter(n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// TestDrawIsFair draws from many seeds and compares how often each subset came
// with equal chances, by Pearson's chi-square. Seeds are fixed: it can't fail by
// bad luck, and a biased draw exceeds the bound by far.
func TestDrawIsFair(t *testing.T) {
	t.Parallel()
	const draws = 8_000
	for _, c := range []struct {
		peers    int
		size     uint64
		subsets  int
		critical float64 // of chi-square with subsets-1 degrees of freedom, at 0.1 %
	}{
		{5, 1, 5, 18.47},
		{5, 2, 10, 27.88},
		{6, 3, 20, 43.82},
		{7, 6, 7, 22.46},
	} {
		ids := roster(c.peers)
		counts := map[string]int{}
		for n := range uint64(draws) {
			var key []byte
			for _, id := range cohort.Draw(seed(n), ids, c.size) {
				key = append(key, id[7])
			}
			counts[string(key)]++
		}
		if len(counts) != c.subsets {
			t.Errorf("%d of %d: %d subsets were drawn, there are %d", c.size, c.peers, len(counts), c.subsets)
		}
		expected, chi := float64(draws)/float64(c.subsets), 0.0
		for _, n := range counts {
			chi += (float64(n) - expected) * (float64(n) - expected) / expected
		}
		if chi > c.critical {
			t.Errorf("%d of %d: chi-square is %.1f, at most %.1f were expected", c.size, c.peers, chi, c.critical)
		}
	}
}

// TestSeedDependsOnAll changes one input after the other.
func TestSeedDependsOnAll(t *testing.T) {
	t.Parallel()
	reveals := []cohort.Reveal{{Node: ledger.ID{1}, Value: ledger.Digest{1}}, {Node: ledger.ID{2}, Value: ledger.Digest{2}}}
	seen := map[ledger.Digest]string{}
	for name, c := range map[string]struct {
		job     ledger.Digest
		round   uint64
		roster  ledger.Digest
		reveals []cohort.Reveal
	}{
		"as it is":      {ledger.Digest{1}, 1, ledger.Digest{1}, reveals},
		"another job":   {ledger.Digest{2}, 1, ledger.Digest{1}, reveals},
		"round":         {ledger.Digest{1}, 2, ledger.Digest{1}, reveals},
		"roster":        {ledger.Digest{1}, 1, ledger.Digest{2}, reveals},
		"one withheld":  {ledger.Digest{1}, 1, ledger.Digest{1}, reveals[:1]},
		"other one":     {ledger.Digest{1}, 1, ledger.Digest{1}, reveals[1:]},
		"another value": {ledger.Digest{1}, 1, ledger.Digest{1}, []cohort.Reveal{reveals[0], {Node: ledger.ID{2}, Value: ledger.Digest{3}}}},
		"another node":  {ledger.Digest{1}, 1, ledger.Digest{1}, []cohort.Reveal{reveals[0], {Node: ledger.ID{3}, Value: ledger.Digest{2}}}},
	} {
		s, err := cohort.Seed(c.job, c.round, c.roster, c.reveals)
		if err != nil {
			t.Fatal(err)
		}
		if other, twice := seen[s]; twice {
			t.Errorf("%s and %s give the same seed", name, other)
		}
		seen[s] = name
	}
}

func TestChain(t *testing.T) {
	t.Parallel()
	secret := seed(1)
	anchor := cohort.Value(secret, 0)
	for _, index := range []uint64{1, 2, 1000, cohort.Length} {
		v := cohort.Value(secret, index)
		if !cohort.Leads(v, anchor, index) {
			t.Errorf("value %d does not lead to the anchor", index)
		}
		if cohort.Leads(v, anchor, index-1) || cohort.Leads(v, anchor, index+1) {
			t.Errorf("value %d counts for another index", index)
		}
		if cohort.Leads(seed(2), anchor, index) {
			t.Errorf("a foreign value counts at index %d", index)
		}
	}
	if cohort.Value(secret, cohort.Length) != secret || cohort.Value(secret, cohort.Length+1) != secret {
		t.Error("the last value is not the secret")
	}
	if cohort.Leads(secret, anchor, cohort.Length+1) {
		t.Error("more steps than a chain has")
	}
}
