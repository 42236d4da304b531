package strategy_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/aggregatortest"
	"github.com/librum/librum/aggregator/strategy"
)

// TestTable holds that every entry documents itself, that its defaults pass its
// own validation, and that it averages to a canonical file whatever the order
// of arrival.
func TestTable(t *testing.T) {
	t.Parallel()
	model := aggregatortest.Mixed(t, 50)
	updates := aggregatortest.Updates(t, model, 4, 1)
	reversed := []aggregator.Update{updates[3], updates[2], updates[1], updates[0]}
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
		params, err := s.Validate(nil)
		if err != nil {
			t.Errorf("%s with its defaults: %v", s.Name, err)
		}
		var file bytes.Buffer
		got, err := s.Aggregate(t.Context(), params, model, updates, &file, aggregator.Options{})
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		if !bytes.HasPrefix(file.Bytes(), model.Header()) {
			t.Errorf("%s: the result has another header than the model", s.Name)
		}
		again, err := s.Aggregate(t.Context(), params, model, reversed, io.Discard, aggregator.Options{Threads: 1})
		if err != nil || again != got {
			t.Errorf("%s in reverse: %+v, %v, want %+v", s.Name, again, err, got)
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
