package strategy_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/aggregator/tensor"
)

// golden is testdata/golden/golden.json, which testdata/golden.py wrote.
type golden struct {
	Weights  []uint64     `json:"weights"`
	Steps    []uint64     `json:"steps"`
	Root     byte         `json:"root"`
	Cohort   int          `json:"cohort"`
	Momentum float64      `json:"momentum"`
	Cases    []goldenCase `json:"cases"`
}

type goldenCase struct {
	Name     string      `json:"name"`
	Strategy goldenPart  `json:"strategy"`
	Clip     *goldenPart `json:"clip"`
	Mean     *goldenPart `json:"mean"`
	Rounds   [][2]string `json:"rounds"` // digests of model and state
}

// goldenPart is [name, params].
type goldenPart strategy.Part

func (p *goldenPart) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&p.Name, &p.Params})
}

func (p *goldenPart) part() strategy.Part {
	if p == nil {
		return strategy.Part{}
	}
	return strategy.Part(*p)
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "golden", name))
	if err != nil {
		t.Fatalf("%v; run testdata/golden.py", err)
	}
	return b
}

func source(file []byte) aggregator.Source {
	return aggregator.Source{File: bytes.NewReader(file), Size: int64(len(file))}
}

// TestGolden holds every rule against numpy's bits, model and state, over two
// rounds.
func TestGolden(t *testing.T) {
	t.Parallel()
	var g golden
	if err := json.Unmarshal(readFile(t, "golden.json"), &g); err != nil {
		t.Fatal(err)
	}
	covered := map[string]bool{}
	global := readFile(t, "global.safetensors")
	model, err := tensor.ReadLayout(bytes.NewReader(global), int64(len(global)), tensor.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range g.Cases {
		for _, p := range []strategy.Part{c.Strategy.part(), c.Clip.part(), c.Mean.part()} {
			covered[p.Name] = true
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			rule, err := strategy.Resolve(strategy.Choice{Strategy: c.Strategy.part(), Clip: c.Clip.part(), Mean: c.Mean.part()})
			if err != nil {
				t.Fatal(err)
			}
			file := "update-%d.safetensors"
			if rule.Needs().Controls {
				file = "controlled-%d.safetensors"
			}
			in := strategy.Input{Model: model, Global: source(global), Cohort: g.Cohort, Root: []byte{g.Root}, Local: g.Momentum}
			for i, w := range g.Weights {
				u := source(readFile(t, fmt.Sprintf(file, i)))
				in.Updates = append(in.Updates, aggregator.Update{Peer: []byte{byte(i)}, File: u.File, Size: u.Size, Weight: w, Steps: g.Steps[i]})
			}
			for round, want := range c.Rounds {
				var next, state bytes.Buffer
				got, err := rule.Aggregate(t.Context(), in, strategy.Output{Model: &next, State: &state}, aggregator.Options{TileBytes: 3000, Threads: 2})
				if err != nil {
					t.Fatal(err)
				}
				if hex.EncodeToString(got.Model.Digest[:]) != want[0] {
					t.Fatalf("round %d: the model is %x, numpy has %s", round+1, got.Model.Digest, want[0])
				}
				if (want[1] != "") != rule.Needs().State || want[1] != "" && hex.EncodeToString(got.State.Digest[:]) != want[1] {
					t.Fatalf("round %d: the state is %x, numpy has %s", round+1, got.State.Digest, want[1])
				}
				in.Global = source(next.Bytes())
				if rule.Needs().State {
					kept := source(state.Bytes())
					in.State = &kept
				}
			}
		})
	}
	for _, s := range strategy.All() {
		if !covered[s.Name] && s.Name != strategy.FedProx { // the same mean as fedavg
			t.Errorf("no golden case has %s", s.Name)
		}
	}
}
