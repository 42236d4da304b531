package chart_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/librum/librum/internal/chart"
)

var rewrite = flag.Bool("rewrite", false, "rewrite testdata/lines.svg")

func TestGolden(t *testing.T) {
	t.Parallel()
	const path = "testdata/lines.svg"
	got := chart.Lines("loss & accuracy", "round", "claimed", []chart.Series{
		{Name: "loss", First: 1, Values: []float64{2.3, 1.1, math.NaN(), 0.4}},
		{Name: "<peer>", First: 2, Values: []float64{0.5}},
	})
	if *rewrite {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the picture differs from %s; now it is\n%s", path, got)
	}
}

// TestAnything draws what no job comes to: the document is still XML, without
// NaN, and bounded.
func TestAnything(t *testing.T) {
	t.Parallel()
	for name, series := range map[string][]chart.Series{
		"nothing":  nil,
		"no lines": {{Name: "a"}},
		"gaps":     {{Name: "a", Values: []float64{math.NaN(), math.Inf(1)}}},
		"one":      {{Name: "a", First: 7, Values: []float64{3}}},
		"equal":    {{Name: "a", Values: []float64{0, 0, 0}}},
		"huge":     {{Name: "a", Values: []float64{-math.MaxFloat64, math.MaxFloat64}}},
		"tiny":     {{Name: "a", Values: []float64{5e-324, 0}}},
		"hostile":  {{Name: `"/><script>`, Values: []float64{1, 2}}},
	} {
		check(t, name, chart.Lines(`<&">`, "x", "y", series))
		var bars []chart.Bar
		for _, s := range series {
			for _, v := range s.Values {
				bars = append(bars, chart.Bar{Name: s.Name, Value: v})
			}
		}
		check(t, name, chart.Bars(`<&">`, "x", "y", bars))
	}
	many := chart.Bars("many", "x", "y", make([]chart.Bar, 2_000))
	if n := bytes.Count(many, []byte("<title")); n != 2_000 {
		t.Errorf("%d bars of 2,000", n)
	}
}

// check wants XML without NaN and foreign elements.
func check(t *testing.T, name string, got []byte) {
	t.Helper()
	if len(got) > 4096 || strings.Contains(string(got), "NaN") || strings.Contains(string(got), "Inf") || strings.Contains(string(got), "<script") {
		t.Errorf("%s: %d bytes\n%s", name, len(got), got)
	}
	reader := xml.NewDecoder(bytes.NewReader(got))
	for {
		_, err := reader.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, got)
			break
		}
	}
}
