package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/aggregator/tensor"
)

func TestBenchAggregate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := func(args ...string) string {
		t.Helper()
		cmd := newBenchAggregateCommand()
		var out, progress bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetErr(&progress)
		cmd.SetArgs(append(args, "--updates=3", "--parameters=100003", "--tile=4096", "--threads=2", "--dir="+dir))
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Fatalf("%v\n%s", err, progress.String())
		}
		if !strings.Contains(progress.String(), "wrote update 3 of 3") {
			t.Errorf("progress: %s", progress.String())
		}
		return out.String()
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(run("--json")), &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"rate_per_s", "bytes_per_s", "p50_ms", "p99_ms", "peak_rss_bytes", "bound", "ratio_to_bound"} {
		if x, ok := got[key].(float64); !ok || x <= 0 {
			t.Errorf("%s is %v", key, got[key])
		}
	}
	if len(got) != 11 || got["what"] != "aggregate" {
		t.Errorf("%d fields: %v", len(got), got)
	}
	if text := run(); !strings.Contains(text, "ratio to bound") || !strings.Contains(text, "updates/s") {
		t.Errorf("for people: %s", text)
	}
	if text := run("--strategy=krum", "--updates=7", "--distinct=900000"); !strings.Contains(text, "krum, 3 updates") || !strings.Contains(text, "2 distinct files") {
		t.Errorf("krum over links: %s", text)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%d entries are left behind, %v", len(left), err)
	}
}

func TestBenchAggregateRefuses(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--updates=0"},
		{"--parameters=0"},
		{"--threads=0"},
		{"--tile=63"},
		{"--distinct=0"},
		{"--strategy=fedsgd"},
		{"--strategy=scaffold"},
		{"extra"},
		{"--parameters=1", "--dir=/nowhere/at/all"},
	} {
		cmd := newBenchAggregateCommand()
		cmd.SetOut(&bytes.Buffer{})
		cmd.SetErr(&bytes.Buffer{})
		cmd.SetArgs(args)
		if err := cmd.ExecuteContext(t.Context()); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
}

// TestVerifyMean holds that the bench's own check can fail.
func TestVerifyMean(t *testing.T) {
	t.Parallel()
	rule, err := strategy.Resolve(strategy.Choice{Strategy: strategy.Part{Name: strategy.FedAvg}})
	if err != nil {
		t.Fatal(err)
	}
	b := &benchAggregate{strategy: strategy.FedAvg, rule: rule, updates: 2, parameters: 10, distinct: 1 << 20, threads: 1, tile: 64}
	model, err := tensor.NewLayout([]tensor.Tensor{{Name: "w", DType: tensor.F32, Shape: []int64{10}}}, tensor.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	updates, closeAll, err := b.create(t.Context(), t.TempDir(), model, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeAll(); err != nil {
			t.Error(err)
		}
	})
	out := filepath.Join(t.TempDir(), "mean")
	if _, err := b.average(t.Context(), out, model, updates); err != nil {
		t.Fatal(err)
	}
	if err := verifyMean(out, model, updates); err != nil {
		t.Error(err)
	}
	file, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	file[len(file)-1] ^= 0x80 // the sign of the last coordinate
	if err := os.WriteFile(out, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := verifyMean(out, model, updates); err == nil || !strings.Contains(err.Error(), "coordinate 9") {
		t.Errorf("a wrong mean: %v", err)
	}
}

func TestBenchGrid(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{strategy.FedAvg: 9, "krum": 4} {
		b := benchAggregate{strategy: name, grid: true, updates: 3}
		cases := b.cases()
		if len(cases) != want || cases[0].updates != 10 || cases[0].parameters != 1_000_000 {
			t.Errorf("%s: %d cases, %+v", name, len(cases), cases[0])
		}
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	ms := func(xs ...int) []time.Duration {
		var out []time.Duration
		for _, x := range xs {
			out = append(out, time.Duration(x)*time.Millisecond)
		}
		return out
	}
	for _, c := range []struct {
		durations []time.Duration
		p, want   float64
	}{
		{nil, 0.5, 0},
		{ms(7), 0.5, 7},
		{ms(3, 1, 2), 0.5, 2},
		{ms(4, 3, 2, 1), 0.5, 2},
		{ms(4, 3, 2, 1), 0.99, 4},
		{ms(4, 3, 2, 1), 0, 1},
	} {
		if got := percentile(c.durations, c.p); got != c.want {
			t.Errorf("%g of %v: %v, want %v", c.p, c.durations, got, c.want)
		}
	}
}
