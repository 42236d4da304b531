package app_test

import (
	"strings"
	"testing"
)

// TestBenchSeparate measures a node in a process of its own, which is killed and
// started again, and wants figures of that process.
func TestBenchSeparate(t *testing.T) {
	t.Parallel()
	out, code := output(t, nil, "bench", "chain", "--separate", "--hot", "--transactions", "300", "--accounts", "20",
		"--batch", "50", "--clients", "2", "--rate", "20", "--expiry", "1m", "--dir", t.TempDir(), "--json")
	if code != 0 {
		t.Fatalf("exit %d", code)
	}
	type result struct {
		What       string  `json:"what"`
		Rate       float64 `json:"rate_per_s"`
		P99        float64 `json:"p99_ms"`
		CPU        float64 `json:"cpu_us_per_unit"`
		Peak       int64   `json:"peak_rss_bytes"`
		Conditions string  `json:"conditions"`
	}
	results := lastLine[[]result](t, out)
	if len(results) != 2 {
		t.Fatalf("%d results", len(results))
	}
	for _, r := range results {
		if r.What != "chain" || r.Rate <= 0 || r.P99 <= 0 || r.CPU <= 0 || r.Peak < 1<<20 {
			t.Errorf("result %+v", r)
		}
	}
	for _, want := range []string{"all to one of 20 accounts", "bytes per transaction", "ready again after"} {
		if !strings.Contains(results[0].Conditions, want) {
			t.Errorf("conditions %q lack %q", results[0].Conditions, want)
		}
	}
	for _, wrong := range [][]string{
		{"--expiry", "11m"},
		{"--separate", "--nodes", "2"},
		{"--kafka", "127.0.0.1:1"},
		{"--servers", "1"},
	} {
		if _, code := output(t, nil, append([]string{"bench", "chain"}, wrong...)...); code != 2 {
			t.Errorf("bench chain %v: exit %d, want 2", wrong, code)
		}
	}
}
