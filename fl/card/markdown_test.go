package card_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/librum/librum/fl/card"
	"github.com/librum/librum/fl/job"
)

// TestMarkdown reads a card back from its bytes and writes it for people.
func TestMarkdown(t *testing.T) {
	t.Parallel()
	const path = "testdata/card.md"
	r, err := finished()
	if err != nil {
		t.Fatal(err)
	}
	b, err := card.Bytes(r, id)
	if err != nil {
		t.Fatal(err)
	}
	c, err := card.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	got := c.Markdown(func(p card.Plot) string { return p.Name })
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
		t.Errorf("the text differs from %s; now it is\n%s", path, got)
	}
	names := make([]string, 0, len(c.Plots()))
	for _, p := range c.Plots() {
		names = append(names, p.Name)
		if !strings.Contains(string(got), "("+p.Name+")") || !bytes.HasPrefix(p.SVG, []byte("<svg")) {
			t.Errorf("plot %s is not in the text, or no picture", p.Name)
		}
	}
	if text := strings.Join(names, " "); text != "accuracy.svg loss.svg peers-accuracy.svg peers-eval_examples.svg peers-eval_loss.svg" {
		t.Errorf("plots %s", text)
	}
}

// TestHostileTextStaysInItsCell: names of strategies and times come from a file
// that a server gave.
func TestHostileTextStaysInItsCell(t *testing.T) {
	t.Parallel()
	c := card.Card{
		Generator:  "x\n# Another card\n<script>alert(1)</script>",
		Aggregator: card.Aggregator{Strategy: "a|b"}, Considerations: []string{"![x](http://elsewhere)\n- more"},
	}
	c.Model.Spec = job.Defaults()
	got := string(c.Markdown(func(p card.Plot) string { return p.Name }))
	for _, bad := range []string{"\n# Another", "<script", "\n- more", "![x]"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q gets out:\n%s", bad, got)
		}
	}
}

// TestPlotsStayInTheirFolder: the file of a plot is named for its metric.
func TestPlotsStayInTheirFolder(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"quantitative_analysis":[{"round":1,"claimed_metrics":{"../../evil":1}}]}`,
		`{"participants":[{"peer":"00000000000000000000000000000001","claimed_metrics":{"/etc/evil":1}}]}`,
	} {
		if c, err := card.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), "a name breaks the rule") {
			t.Errorf("%s: %+v, %v", text, c, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	r, err := finished()
	if err != nil {
		f.Fatal(err)
	}
	b, err := card.Bytes(r, id)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"participants":[{"peer":"00000000000000000000000000000001","claimed_metrics":{"loss":1e308}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := card.Parse(b)
		if err != nil {
			return
		}
		if text := c.Markdown(func(p card.Plot) string { return p.Name }); !bytes.HasPrefix(text, []byte("# Model card")) {
			t.Errorf("%q", text)
		}
	})
}
