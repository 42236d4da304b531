package aggregator_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/tensor"
)

// golden is testdata/fedavg/golden.json, which testdata/fedavg_golden.py wrote.
type golden struct {
	Updates []struct {
		Peer     string `json:"peer"`
		File     string `json:"file"`
		NormBits string `json:"norm_bits"`
	} `json:"updates"`
	Cases map[string]struct {
		Weights []uint64 `json:"weights"`
		File    string   `json:"file"`
		SHA256  string   `json:"sha256"`
	} `json:"cases"`
}

func readGolden(t *testing.T) golden {
	t.Helper()
	var g golden
	if err := json.Unmarshal(readFile(t, "golden.json"), &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Updates) < 5 || len(g.Cases) < 3 {
		t.Fatalf("%d updates and %d cases; run testdata/fedavg_golden.py", len(g.Updates), len(g.Cases))
	}
	return g
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", "fedavg", name))
	if err != nil {
		t.Fatalf("%v; run testdata/fedavg_golden.py", err)
	}
	return file
}

func layoutOf(t *testing.T, file []byte) tensor.Layout {
	t.Helper()
	layout, err := tensor.ReadLayout(bytes.NewReader(file), int64(len(file)), tensor.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return layout
}

// TestGoldenMean holds aggregator(1) against numpy's bits: 1, 2 and 7 threads,
// three tile sizes, shuffled arrival.
func TestGoldenMean(t *testing.T) {
	t.Parallel()
	g := readGolden(t)
	for name, c := range g.Cases {
		want := readFile(t, c.File)
		model := layoutOf(t, want)
		var updates []aggregator.Update
		for i, u := range g.Updates {
			peer, err := hex.DecodeString(u.Peer)
			if err != nil {
				t.Fatal(err)
			}
			file := readFile(t, u.File)
			updates = append(updates, aggregator.Update{
				Peer: peer, File: bytes.NewReader(file), Size: int64(len(file)), Weight: c.Weights[i],
			})
		}
		for _, threads := range []int{1, 2, 7} {
			for _, tile := range []int{64, 1000, 1 << 20} {
				t.Run(fmt.Sprintf("%s/threads=%d/tile=%d", name, threads, tile), func(t *testing.T) {
					t.Parallel()
					shuffled := append([]aggregator.Update(nil), updates...)
					rng := rand.New(rand.NewPCG(uint64(threads), uint64(tile)))
					rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
					var got bytes.Buffer
					result, err := aggregator.Aggregate(t.Context(), model, shuffled, &got, aggregator.Options{TileBytes: tile, Threads: threads})
					if err != nil {
						t.Fatal(err)
					}
					if err := sameFile(got.Bytes(), want, model); err != nil {
						t.Fatal(err)
					}
					if hex.EncodeToString(result.Digest[:]) != c.SHA256 || result.Size != int64(len(want)) {
						t.Errorf("result %x of %d bytes, want %s of %d", result.Digest, result.Size, c.SHA256, len(want))
					}
				})
			}
		}
	}
}

// sameFile names the first tensor and byte that differ.
func sameFile(got, want []byte, model tensor.Layout) error {
	if bytes.Equal(got, want) {
		return nil
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d bytes, want %d", len(got), len(want))
	}
	for i, of := range model.Tensors() {
		for at := model.Offset(i); at < model.Offset(i)+of.Bytes(); at++ {
			if got[at] != want[at] {
				return fmt.Errorf("tensor %q differs at byte %d: %#x, want %#x", of.Name, at-model.Offset(i), got[at], want[at])
			}
		}
	}
	return fmt.Errorf("the headers differ:\n%q\n%q", got[:model.DataStart()], want[:model.DataStart()])
}

// TestGoldenNorm holds the order of the norm's sum: a limit of exactly numpy's
// norm lets the update pass, the next number below refuses it.
func TestGoldenNorm(t *testing.T) {
	t.Parallel()
	g := readGolden(t)
	model := layoutOf(t, readFile(t, g.Cases["equal"].File))
	for _, u := range g.Updates {
		bits, err := strconv.ParseUint(u.NormBits, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		norm, file := math.Float64frombits(bits), readFile(t, u.File)
		check := func(limit float64) error {
			return aggregator.Check(t.Context(), model, bytes.NewReader(file), int64(len(file)), sha256.Sum256(file), aggregator.Limits{MaxNorm: limit})
		}
		if err := check(norm); err != nil {
			t.Errorf("%s with its own norm as the limit: %v", u.File, err)
		}
		err = check(math.Nextafter(norm, 0))
		var refused *aggregator.RefusedError
		if !errors.As(err, &refused) || refused.Reason != aggregator.RefusedNorm {
			t.Errorf("%s with a smaller limit: %v", u.File, err)
		}
	}
}
