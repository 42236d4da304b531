package card

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/internal/chart"
)

// MaxBytes bounds a card that is read.
const MaxBytes = 64 << 20

// Parse reads a card's bytes. It believes them: whoever has the digest on the
// ledger compares it first.
func Parse(b []byte) (*Card, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("read the model card: %d bytes, at most %d are allowed", len(b), MaxBytes)
	}
	var c Card
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("read the model card: %w", err)
	}
	// Plots are named for metrics, so a name of a stranger's is that of a file.
	for _, r := range c.Rounds {
		if err := r.Metrics.Validate(); err != nil {
			return nil, fmt.Errorf("read the model card: round %d: %w", r.Round, err)
		}
	}
	for _, p := range c.Participants {
		if err := p.Metrics.Validate(); err != nil {
			return nil, fmt.Errorf("read the model card: peer %s: %w", p.Peer.Short(), err)
		}
	}
	return &c, nil
}

// Plot is a picture of a card.
type Plot struct {
	Name string // of its file
	Alt  string // what it shows
	SVG  []byte
}

// Plots draws each metric over the rounds, beside it what the peers measured on
// rows they held out, and each metric of the peers' last updates by peer.
func (c *Card) Plots() []Plot {
	var plots []Plot
	for _, metric := range c.metrics() {
		trained := chart.Series{Name: "on rows trained on", First: 1}
		held := chart.Series{Name: "on held-out rows", First: 0} // of the model that the round began with
		for _, r := range c.Rounds {
			trained.Values = append(trained.Values, told(r.Metrics, metric))
			held.Values = append(held.Values, told(r.Metrics, fl.EvalPrefix+metric))
		}
		alt := metric + " by version of the model, as claimed"
		plots = append(plots, Plot{
			Name: metric + ".svg", Alt: alt, SVG: chart.Lines(alt, "version", metric, slices.DeleteFunc([]chart.Series{trained, held}, empty)),
		})
	}
	for _, metric := range c.peerMetrics() {
		bars := make([]chart.Bar, len(c.Participants))
		for i, p := range c.Participants {
			bars[i] = chart.Bar{Name: p.Peer.Short(), Value: told(p.Metrics, metric)}
		}
		alt := metric + " by peer in its last round, as claimed"
		plots = append(plots, Plot{Name: "peers-" + metric + ".svg", Alt: alt, SVG: chart.Bars(alt, "peer", metric, bars)})
	}
	return plots
}

func empty(s chart.Series) bool {
	return !slices.ContainsFunc(s.Values, func(v float64) bool { return !math.IsNaN(v) })
}

func told(m fl.Metrics, name string) float64 {
	if v, ok := m[name]; ok {
		return v
	}
	return math.NaN()
}

// metrics lists what the rounds tell, without those of held-out rows that tell
// the same of others.
func (c *Card) metrics() []string {
	names := map[string]bool{}
	for _, r := range c.Rounds {
		for name := range r.Metrics {
			if name != fl.EvalExamples {
				names[strings.TrimPrefix(name, fl.EvalPrefix)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func (c *Card) peerMetrics() []string {
	names := map[string]bool{}
	for _, p := range c.Participants {
		for name := range p.Metrics {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Markdown writes the card for people. link says where a plot is.
func (c *Card) Markdown(link func(Plot) string) []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) }
	line("# Model card: job %s\n", c.Model.Job.Short())
	line("The form is that of Mitchell et al. 2019, \"Model Cards for Model Reporting\". It is made from the ledger's rows of the job; what peers")
	line("say of their data is called claimed. Check it: `librum verify job %s`.\n", c.Model.Job)
	line("## Model\n")
	line("| | |\n|---|---|")
	row := func(name string, value any) { line("| %s | %v |", name, cell(fmt.Sprint(value))) }
	spec := &c.Model.Spec
	row("file", fmt.Sprintf("%s, %d bytes, SHA-256 `%s`", c.Model.Format, c.Model.Bytes, c.Model.Digest))
	row("architecture", fmt.Sprintf("%s, layers %s", spec.Model.Name, strings.Trim(fmt.Sprint(spec.Model.Layers), "[]")))
	row("job", "`"+c.Model.Job.String()+"`")
	row("chain", "`"+c.Model.Chain.String()+"`")
	row("training in a round", fmt.Sprintf("%d epochs, batches of %d, learning rate %g, momentum %g, proximal_mu %g",
		spec.Train.LocalEpochs, spec.Train.BatchSize, spec.Train.LearningRate, spec.Train.Momentum, spec.Train.ProximalMu))
	row("seed", spec.Seed)
	line("\n## Generator\n\n%s\n", cell(c.Generator))
	line("## Aggregator\n")
	line("%s over %d rounds; bit-reproducible: %t; recomputed by %d nodes, of which %d make a result final.\n",
		cell(c.Aggregator.Strategy), len(c.Rounds), c.Aggregator.Reproducible, c.Aggregator.Attesters, c.Aggregator.Quorum)
	line("## Times\n\nCreated %s, last round final %s (log time).\n", cell(c.Times.Created), cell(c.Times.Finished))
	c.participants(line)
	c.analysis(line)
	for _, p := range c.Plots() {
		line("![%s](%s)\n", cell(p.Alt), link(p))
	}
	line("## Considerations\n")
	for _, text := range c.Considerations {
		line("- %s", cell(text))
	}
	return b.Bytes()
}

func (c *Card) participants(line func(string, ...any)) {
	metrics := c.peerMetrics()
	line("## Participants\n")
	line("What a peer claims is of its last update; `eval_` is of the model that this round began with, on rows that the peer held out.\n")
	head(line, append([]string{"peer", "rounds", "examples (claimed)"}, metrics...))
	for _, p := range c.Participants {
		cells := []string{"`" + p.Peer.String() + "`", fmt.Sprint(p.Rounds), fmt.Sprint(p.NumExamples)}
		line("| %s |", strings.Join(append(cells, numbers(p.Metrics, metrics)...), " | "))
	}
	line("")
}

func (c *Card) analysis(line func(string, ...any)) {
	var metrics []string
	for _, r := range c.Rounds {
		metrics = slices.AppendSeq(metrics, maps.Keys(r.Metrics))
	}
	slices.Sort(metrics)
	metrics = slices.Compact(metrics)
	line("## Quantitative analysis\n")
	line("Means that the committing node claims of what the peers claim.\n")
	head(line, append([]string{"round", "updates", "refused", "model"}, metrics...))
	for _, r := range c.Rounds {
		cells := []string{fmt.Sprint(r.Round), fmt.Sprint(r.Updates), fmt.Sprint(r.Refused), "`" + r.Model.Short() + "`"}
		line("| %s |", strings.Join(append(cells, numbers(r.Metrics, metrics)...), " | "))
	}
	line("")
	if c.Best != nil {
		line("Best round by %s: %d, %.6g, model `%s`.\n", cell(c.Best.Metric), c.Best.Round, c.Best.Value, c.Best.Model)
	}
}

func head(line func(string, ...any), names []string) {
	line("| %s |", strings.Join(names, " | "))
	line("|%s", strings.Repeat("---|", len(names)))
}

func numbers(m fl.Metrics, names []string) []string {
	cells := make([]string, len(names))
	for i, name := range names {
		if v, ok := m[name]; ok {
			cells[i] = fmt.Sprintf("%.6g", v)
		}
	}
	return cells
}

// cell keeps text within its place in a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "<", "&lt;", "[", `\[`).Replace(text)
}
