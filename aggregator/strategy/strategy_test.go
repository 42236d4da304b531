package strategy_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/strategy"
)

// TestTable holds that every entry documents itself and that its defaults pass
// its own validation.
func TestTable(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, s := range strategy.All() {
		if s.Name == "" || s.Doc == "" || seen[s.Name] {
			t.Errorf("entry %+v lacks a name of its own or its documentation", s)
		}
		seen[s.Name] = true
		if found, err := strategy.Find(s.Name); err != nil || found.Name != s.Name {
			t.Errorf("find %s: %v", s.Name, err)
		}
		for _, p := range s.Params {
			if p.Name == "" || p.Doc == "" {
				t.Errorf("%s: parameter %+v is not documented", s.Name, p)
			}
		}
		if _, err := s.Validate(nil); err != nil {
			t.Errorf("%s with its defaults: %v", s.Name, err)
		}
	}
	if got := len(strategy.Names()) + len(strategy.Clips()); got != len(seen) {
		t.Errorf("%d names and clippings of %d entries", got, len(seen))
	}
	for _, name := range strategy.Means() {
		if !slices.Contains(strategy.Names(), name) {
			t.Errorf("%s may not stand alone", name)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	t.Parallel()
	_, err := strategy.Find("fedsgd")
	if !errors.Is(err, strategy.ErrParams) || !strings.Contains(err.Error(), `"fedavg"`) {
		t.Errorf("%v does not list what there is", err)
	}
}

func part(name string, params strategy.Params) strategy.Part {
	return strategy.Part{Name: name, Params: params}
}

// TestResolveRefuses holds strategy(2).
func TestResolveRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		choice strategy.Choice
		want   string
	}{
		{strategy.Choice{}, "none is named"},
		{strategy.Choice{Strategy: part("krumm", nil)}, "is unknown"},
		{strategy.Choice{Strategy: part("krum", strategy.Params{"f": 1})}, `"f" is unknown; it takes ["num_malicious"]`},
		{strategy.Choice{Strategy: part("krum", strategy.Params{"num_malicious": 0.5})}, "whole number"},
		{strategy.Choice{Strategy: part("trimmed_mean", strategy.Params{"beta": 0.6})}, `"beta" is 0.6; 0 to 0.5`},
		{strategy.Choice{Strategy: part("fedadam", strategy.Params{"tau": 0})}, `"tau" is 0`},
		{strategy.Choice{Strategy: part("fixed", nil)}, "is a clipping"},
		{strategy.Choice{Strategy: part("fedavg", nil), Mean: part("fedadam", nil)}, "is no mean"},
		{strategy.Choice{Strategy: part("fedavg", nil), Clip: part("median", nil)}, "is no clipping"},
		{strategy.Choice{Strategy: part("krum", nil), Mean: part("median", nil)}, "takes no other"},
		{strategy.Choice{Strategy: part("fednova", nil), Mean: part("median", nil)}, "takes no other"},
		{strategy.Choice{Strategy: part("scaffold", nil), Mean: part("median", nil)}, "goes with the plain mean alone"},
		{strategy.Choice{Strategy: part("scaffold", nil), Clip: part("fixed", nil)}, "goes with the plain mean alone"},
		{strategy.Choice{Strategy: part("fedavg", nil), Mean: part("", strategy.Params{"beta": 1})}, "is unknown"},
	} {
		_, err := strategy.Resolve(c.choice)
		if !errors.Is(err, strategy.ErrParams) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v lacks %q", c.choice, err, c.want)
		}
	}
}

// TestFits holds what a rule demands of the job around it.
func TestFits(t *testing.T) {
	t.Parallel()
	good := strategy.Conditions{MinPeers: 10}
	for _, c := range []struct {
		choice strategy.Choice
		job    strategy.Conditions
		want   string // the field; none if it fits
	}{
		{strategy.Choice{Strategy: part("fedavg", nil)}, good, ""},
		{strategy.Choice{Strategy: part("fedprox", nil)}, good, "train.proximal_mu"},
		{strategy.Choice{Strategy: part("fedprox", nil)}, strategy.Conditions{ProximalMu: 0.1}, ""},
		{strategy.Choice{Strategy: part("krum", strategy.Params{"num_malicious": 3})}, good, ""},
		{strategy.Choice{Strategy: part("krum", strategy.Params{"num_malicious": 4})}, good, "min_train_peers"},
		{strategy.Choice{Strategy: part("multikrum", strategy.Params{"num_malicious": 4})}, good, "min_train_peers"},
		{strategy.Choice{Strategy: part("multikrum", strategy.Params{"num_malicious": 2, "num_to_keep": 9})}, good, "strategy.params"},
		{strategy.Choice{Strategy: part("bulyan", strategy.Params{"num_malicious": 1})}, good, ""},
		{strategy.Choice{Strategy: part("bulyan", strategy.Params{"num_malicious": 2})}, good, "min_train_peers"},
		{strategy.Choice{Strategy: part("fedadam", nil), Mean: part("bulyan", nil)}, strategy.Conditions{MinPeers: 6}, "min_train_peers"},
		{strategy.Choice{Strategy: part("scaffold", nil)}, good, ""},
		{strategy.Choice{Strategy: part("scaffold", nil)}, strategy.Conditions{Momentum: 0.9}, "train.momentum"},
		{strategy.Choice{Strategy: part("scaffold", nil)}, strategy.Conditions{ProximalMu: 1}, "train.proximal_mu"},
		{strategy.Choice{Strategy: part("fednova", nil)}, strategy.Conditions{Momentum: 0.9}, ""},
		{strategy.Choice{Strategy: part("fednova", nil)}, strategy.Conditions{ProximalMu: 1}, "train.proximal_mu"},
		{strategy.Choice{Strategy: part("fltrust", nil)}, good, "strategy.root"},
		{strategy.Choice{Strategy: part("fltrust", nil)}, strategy.Conditions{Root: true}, ""},
		{strategy.Choice{Strategy: part("fedavg", nil)}, strategy.Conditions{Root: true}, "strategy.root"},
	} {
		rule, err := strategy.Resolve(c.choice)
		if err != nil {
			t.Fatal(err)
		}
		problems := rule.Fits(c.job)
		if c.want == "" && len(problems) == 0 {
			continue
		}
		if len(problems) != 1 || problems[0].Field != c.want || problems[0].Need == "" {
			t.Errorf("%+v in %+v: %+v, want %q", c.choice, c.job, problems, c.want)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	s := strategy.Strategy{Name: "sample", Params: []strategy.Param{
		{Name: "beta", Doc: "share trimmed", Default: 0.25, Min: 0, Max: 0.5},
		{Name: "f", Doc: "liars", Default: 1, Min: 0, Max: 100, Integer: true},
	}}
	for _, c := range []struct {
		params strategy.Params
		want   []string // in the error's text
	}{
		{strategy.Params{}, nil},
		{strategy.Params{"beta": 0.5, "f": 100}, nil},
		{strategy.Params{"beta": 0.6}, []string{`"beta" is 0.6`, "0 to 0.5"}},
		{strategy.Params{"beta": math.NaN()}, []string{`"beta" is NaN`}},
		{strategy.Params{"f": 1.5}, []string{"whole number"}},
		{strategy.Params{"F": 1, "eta": 2, "beta": -1}, []string{`"F" is unknown`, `"eta" is unknown`, `takes ["beta" "f"]`, `"beta" is -1`}},
	} {
		full, err := s.Validate(c.params)
		if len(c.want) == 0 {
			if err != nil || len(full) != 2 {
				t.Errorf("%v: %v, %v", c.params, full, err)
			}
			continue
		}
		if !errors.Is(err, strategy.ErrParams) {
			t.Errorf("%v: %v", c.params, err)
			continue
		}
		for _, text := range c.want {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%v: %v lacks %q", c.params, err, text)
			}
		}
	}
	full, err := s.Validate(strategy.Params{"f": 3})
	if err != nil || full["f"] != 3 || full["beta"] != 0.25 {
		t.Errorf("defaults: %v, %v", full, err)
	}
}

// TestMissing holds that what a rule cannot do without is an error that names it.
func TestMissing(t *testing.T) {
	t.Parallel()
	model := exact(t, 2)
	for _, c := range []struct {
		name   string
		change func(*strategy.Input)
		want   string
	}{
		{strategy.FLTrust, func(in *strategy.Input) { in.Root = []byte{7} }, "no update of 07"},
		{strategy.FLTrust, func(in *strategy.Input) { in.Root = nil }, "trusts"},
		{strategy.FedNova, func(in *strategy.Input) { in.Updates[1].Steps = 0 }, "peer 01 names 0 steps"},
		{strategy.FedNova, func(in *strategy.Input) { in.Updates[1].Steps = strategy.MaxSteps + 1 }, "steps"},
		{strategy.FedNova, func(in *strategy.Input) { in.Updates[1].Steps = math.MaxUint64 }, "peer 01 names 18446744073709551615 steps; 1 to 1099511627776"},
	} {
		rule, err := strategy.Resolve(strategy.Choice{Strategy: part(c.name, nil)})
		if err != nil {
			t.Fatal(err)
		}
		in := strategy.Input{Model: model, Global: encode(t, 1, 2), Cohort: 2, Root: []byte{0}}
		for i := range byte(2) {
			file := encode(t, float64(i), 3)
			in.Updates = append(in.Updates, aggregator.Update{Peer: []byte{i}, File: file.File, Size: file.Size, Weight: 1, Steps: strategy.MaxSteps})
		}
		var out bytes.Buffer
		if _, err := rule.Aggregate(t.Context(), in, strategy.Output{Model: &out}, aggregator.Options{}); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		c.change(&in)
		if _, err := rule.Aggregate(t.Context(), in, strategy.Output{Model: &out}, aggregator.Options{}); !errors.Is(err, aggregator.ErrInput) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v lacks %q", c.name, err, c.want)
		}
	}
}
