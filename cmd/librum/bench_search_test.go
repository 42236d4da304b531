package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// The bench writes, compares the answers with those by hand, and follows a node.
func TestBenchSearch(t *testing.T) {
	t.Parallel()
	args := []string{"search", "--transactions", "2000", "--questions", "3", "--rate", "200", "--seconds", "1", "--dir", t.TempDir(), "--json"}
	runs := map[string][]string{"SQLite": args}
	if address := os.Getenv("LIBRUM_TEST_ELASTICSEARCH"); address != "" {
		runs["Elasticsearch"] = append(slices.Clone(args), "--elasticsearch", address)
	}
	for name, args := range runs {
		out, text, code := run(t, newBenchCommand(), args...)
		if code != 0 {
			t.Fatalf("%s: exit %d: %s", name, code, text)
		}
		lines := strings.Split(strings.TrimSpace(out), "\n")
		var results []benchResult
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &results); err != nil {
			t.Fatal(err)
		}
		var what []string
		for _, r := range results {
			what = append(what, r.What)
			if r.RatePerS <= 0 || r.P99Ms <= 0 || r.Bound <= 0 || r.RatioToBound <= 0 || !strings.Contains(r.Conditions, name) {
				t.Errorf("%s: result %+v", name, r)
			}
		}
		if want := []string{"search write", "search ask", "search ask", "search ask", "search lag"}; !slices.Equal(what, want) {
			t.Errorf("%s: results %v, want %v", name, what, want)
		}
	}
	for _, wrong := range [][]string{{"--transactions", "1"}, {"--questions", "0"}, {"--seconds", "-1"}, {"--elasticsearch", "nowhere"}} {
		if _, text, code := run(t, newBenchCommand(), append([]string{"search"}, wrong...)...); code != exitUsage {
			t.Errorf("bench search %v: exit %d, %s", wrong, code, text)
		}
	}
}
