package job_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

func valid() job.Spec {
	s := job.Defaults()
	s.Model.Layers = []int64{64, 200, 10}
	return s
}

func TestDefaultsLackLayersAlone(t *testing.T) {
	t.Parallel()
	s := job.Defaults()
	var problems *job.SpecError
	if !errors.As(s.Validate(), &problems) || len(problems.Problems) != 1 || problems.Problems[0].Field != "model.layers" {
		t.Errorf("defaults have the problems %v, want model.layers alone", problems)
	}
	s = valid()
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	want := valid()
	want.NumRounds, want.MinTrainPeers, want.MinAvailablePeers = 3, 10, 10
	want.Train.LearningRate, want.Seed = 1e-2, 7
	want.Train.Augment = job.Augment{Noise: 0.2, Jitter: 0.5, Width: 8, Background: -1}
	for _, c := range []struct {
		name  string
		parse func([]byte) (job.Spec, error)
		text  string
	}{
		{"json", job.ParseJSON, `{"num_rounds": 3, "min_train_peers": 10, "model": {"layers": [64, 200, 10]}, "seed": 7,
			"strategy": {"name": "fedavg", "params": {}},
			"train": {"learning_rate": 1e-2, "augment": {"noise": 0.2, "jitter": 0.5, "width": 8, "background": -1}}}`},
		{"yaml", job.ParseYAML, "num_rounds: 3\nmin_train_peers: 10\nmodel: {name: mlp, layers: [64, 200, 10]}\nseed: 7\n" +
			"train:\n  learning_rate: 0.01 # a comment\n  augment: {noise: .2, jitter: 0.5, width: 8, background: -1}\n"},
	} {
		got, err := c.parse([]byte(c.text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, want)
		}
	}
}

// TestBad runs testdata/bad: each document with all that is said about it.
func TestBad(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/bad.txt")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for c := range strings.SplitSeq(string(text), "---\n") {
		document, _, _ := strings.Cut(c, "=>\n")
		document = strings.TrimSuffix(document, "\n")
		parse := job.ParseYAML
		if strings.HasPrefix(document, "{") || strings.HasPrefix(document, "[") {
			parse = job.ParseJSON
		}
		_, err := parse([]byte(document))
		var problems *job.SpecError
		if !errors.As(err, &problems) || !errors.Is(err, job.ErrSpec) {
			t.Fatalf("%s\nerror %v, want a SpecError", document, err)
		}
		if got.Len() > 0 {
			got.WriteString("---\n")
		}
		fmt.Fprintf(&got, "%s\n=>\n", document)
		for _, p := range problems.Problems {
			fmt.Fprintln(&got, p)
		}
	}
	if *rewrite {
		if err := os.WriteFile("testdata/bad.txt", []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if got.String() != string(text) {
		t.Errorf("testdata/bad.txt is out of date; run with -rewrite and read the difference\n%s", got.String())
	}
}

func TestBadBytes(t *testing.T) {
	t.Parallel()
	for _, b := range [][]byte{
		nil,
		[]byte("\x00"),
		[]byte("{\"num_rounds\": \xff}"),
		bytes.Repeat([]byte(" "), job.MaxBytes+1),
		bytes.Repeat([]byte("["), 10_000),
		[]byte(`{"seed": ` + strings.Repeat("9", 1000) + `}`),
	} {
		for _, parse := range []func([]byte) (job.Spec, error){job.ParseJSON, job.ParseYAML} {
			if _, err := parse(b); !errors.Is(err, job.ErrSpec) {
				t.Errorf("%.20q: %v, want ErrSpec", b, err)
			}
		}
	}
}

// specs draws valid specs.
func specs() *rapid.Generator[job.Spec] {
	return rapid.Custom(func(t *rapid.T) job.Spec {
		s := valid()
		s.NumRounds = rapid.Int64Range(1, job.MaxRounds).Draw(t, "num_rounds")
		s.MinTrainPeers = rapid.Int64Range(1, job.MaxPeers).Draw(t, "min_train_peers")
		s.MinAvailablePeers = rapid.Int64Range(s.MinTrainPeers, job.MaxPeers).Draw(t, "min_available_peers")
		s.Model.Layers = rapid.SliceOfN(rapid.Int64Range(2, 300), 2, job.MaxLayers).Draw(t, "layers")
		s.Seed = rapid.Uint64Range(0, job.MaxSeed).Draw(t, "seed")
		s.Train.LearningRate = rapid.Float64Range(math.SmallestNonzeroFloat64, job.MaxLearningRate).Draw(t, "learning_rate")
		s.Train.Momentum = rapid.Float64Range(0, 0.9999).Draw(t, "momentum")
		s.Train.ProximalMu = rapid.Float64Range(0, job.MaxProximalMu).Draw(t, "proximal_mu")
		s.Train.Augment.Noise = rapid.Float64Range(0, job.MaxNoise).Draw(t, "noise")
		if rapid.Bool().Draw(t, "draws") {
			s.FractionTrain = rapid.Float64Range(math.SmallestNonzeroFloat64, 0.9999).Draw(t, "fraction_train")
			s.OverSelection = rapid.Float64Range(0, job.MaxOverSelection).Draw(t, "over_selection")
		}
		s.MaxTerms = rapid.Int64Range(1, job.MaxTermsLost).Draw(t, "max_terms")
		if rapid.Bool().Draw(t, "options") {
			s.InitialModel = strings.Repeat(rapid.StringMatching("[0-9a-f]{2}").Draw(t, "initial_model"), 32)
			s.EarlyStop = job.EarlyStop{
				Metric:   rapid.SampledFrom(s.Model.Metrics()).Draw(t, "metric"),
				Patience: rapid.Int64Range(1, job.MaxRounds).Draw(t, "patience"),
				Mode:     rapid.SampledFrom([]string{job.ModeMin, job.ModeMax}).Draw(t, "mode"),
			}
			s.Parameters = job.Parameters{
				Share:     rapid.SampledFrom([][]string{nil, {"*"}, {"layer0.*", "*.bias"}}).Draw(t, "share"),
				KeepLocal: rapid.SampledFrom([][]string{nil, {"layer0.weight"}}).Draw(t, "keep_local"),
			}
		}
		s.MaxNumExamples = rapid.Int64Range(1, job.MaxExamples).Draw(t, "max_num_examples")
		return s
	})
}

// TestRoundTrip holds job(3), the ledger's encoding included: floats come back
// bit by bit from their shortest form.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := specs().Draw(t, "spec")
		if err := want.Validate(); err != nil {
			t.Fatal(err)
		}
		b, err := ledger.Encode(&want)
		if err != nil {
			t.Fatal(err)
		}
		var got job.Spec
		if err := ledger.Decode("job spec", b, job.MaxBytes, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("CBOR: %+v, %v; want %+v", got, err, want)
		}
		if b, err = json.Marshal(&want); err != nil {
			t.Fatal(err)
		}
		if got, err := job.ParseJSON(b); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("JSON %s: %+v, %v; want %+v", b, got, err, want)
		}
		if b, err = yaml.Marshal(&want); err != nil {
			t.Fatal(err)
		}
		if got, err := job.ParseYAML(b); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("YAML %s: %+v, %v; want %+v", b, got, err, want)
		}
	})
}

// TestNotFinite: what no document can say, CBOR could; the ledger refuses it
// when decoding and the spec when validating.
func TestNotFinite(t *testing.T) {
	t.Parallel()
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		s := valid()
		s.Train.LearningRate, s.Train.Augment.Background = x, x
		if err := s.Validate(); !errors.Is(err, job.ErrSpec) {
			t.Errorf("%g: %v, want ErrSpec", x, err)
		}
		b, err := ledger.Encode(&s)
		if err != nil {
			continue
		}
		if err := ledger.Decode("job spec", b, job.MaxBytes, new(job.Spec)); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("%g: %v, want ErrMalformed", x, err)
		}
	}
}

// TestBoundsAreTheTrainers keeps a job that the ledger accepts from being one
// that no peer can train.
func TestBoundsAreTheTrainers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		job, peer float64
	}{
		{"MaxLayers", job.MaxLayers, train.MaxLayers},
		{"MaxWidth", job.MaxWidth, train.MaxWidth},
		{"MaxParameters", job.MaxParameters, train.MaxParameters},
		{"MaxActivations", job.MaxActivations, train.MaxActivations},
		{"MaxLocalEpochs", job.MaxLocalEpochs, train.MaxLocalEpochs},
		{"MaxBatchSize", job.MaxBatchSize, train.MaxBatchSize},
		{"MaxLearningRate", job.MaxLearningRate, train.MaxLearningRate},
		{"MaxProximalMu", job.MaxProximalMu, train.MaxProximalMu},
		{"MaxNoise", job.MaxNoise, train.MaxNoise},
	} {
		if c.job != c.peer {
			t.Errorf("%s is %g here and %g in the trainer", c.name, c.job, c.peer)
		}
	}
}

// TestStrategies holds that the defaults of a strategy's parts are written into
// the spec, and that a spec without parts has the bytes it had before there were
// any.
func TestStrategies(t *testing.T) {
	t.Parallel()
	s, err := job.ParseJSON([]byte(`{"model": {"layers": [4, 3]}, "min_train_peers": 7, "strategy": {
		"name": "fedadam", "params": {"eta": 0.5}, "clip": {"name": "adaptive"}, "mean": {"name": "bulyan"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := job.Strategy{
		Name: "fedadam", Params: map[string]float64{"eta": 0.5, "beta_1": 0.9, "beta_2": 0.99, "tau": 1e-3},
		Clip: job.Part{Name: "adaptive", Params: map[string]float64{"initial_norm": 1, "quantile": 0.5, "rate": 0.2, "linear": 0}},
		Mean: job.Part{Name: "bulyan", Params: map[string]float64{"num_malicious": 1}},
	}
	if !reflect.DeepEqual(s.Strategy, want) {
		t.Errorf("strategy %+v, want %+v", s.Strategy, want)
	}
	rule, err := s.Rule()
	if err != nil || !rule.Needs().State || !rule.Needs().Norm {
		t.Errorf("rule that needs %+v, %v", rule.Needs(), err)
	}
	b, err := ledger.Encode(job.Strategy{Name: strategy.FedAvg})
	if err != nil || string(b) != "\xa1dnameffedavg" {
		t.Errorf("fedavg is %q, %v", b, err)
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range job.Fields() {
		if f.Doc == "" || f.Allowed == "" || seen[f.Name] {
			t.Errorf("field %+v: want a name of its own, a sentence and what is allowed", f)
		}
		seen[f.Name] = true
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	terminal := map[job.State]bool{job.StateFinished: true, job.StateFailed: true, job.StateCancelled: true}
	for _, s := range job.States() {
		if s.Terminal() != terminal[s] {
			t.Errorf("%s is terminal: %v", s, s.Terminal())
		}
	}
	for s, over := range map[job.RoundState]bool{
		job.RoundOpen: false, job.RoundClosed: false, job.RoundCommitted: false,
		job.RoundFinal: true, job.RoundVoid: true, job.RoundFailed: true,
	} {
		if s.Over() != over {
			t.Errorf("round %s is over: %v", s, s.Over())
		}
	}
}

func FuzzParseJSON(f *testing.F) { fuzz(f, job.ParseJSON) }

func FuzzParseYAML(f *testing.F) { fuzz(f, job.ParseYAML) }

// fuzz holds that a document either is a valid spec that comes back from its
// own JSON, or has a SpecError with a problem.
func fuzz(f *testing.F, parse func([]byte) (job.Spec, error)) {
	f.Helper()
	text, err := os.ReadFile("testdata/bad.txt")
	if err != nil {
		f.Fatal(err)
	}
	for c := range strings.SplitSeq(string(text), "---\n") {
		document, _, _ := strings.Cut(c, "=>\n")
		f.Add([]byte(document))
	}
	f.Add([]byte(`{"model": {"layers": [64, 10]}, "train": {"augment": {"noise": 1e-3}}}`))
	f.Add([]byte("model:\n  layers:\n  - 64\n  - 10\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parse(b)
		if err != nil {
			var problems *job.SpecError
			if !errors.As(err, &problems) || len(problems.Problems) == 0 || err.Error() == "" {
				t.Fatalf("error %v, want a SpecError with problems", err)
			}
			return
		}
		text, err := json.Marshal(&s)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := job.ParseJSON(text); err != nil || !reflect.DeepEqual(again, s) {
			t.Fatalf("%s came back as %+v, %v", text, again, err)
		}
	})
}
