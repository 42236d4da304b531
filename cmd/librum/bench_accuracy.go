package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
	"github.com/librum/librum/internal/chart"
	"github.com/librum/librum/internal/durable"
)

// benchAccuracy trains a job's model in this process, by the trainer and the
// aggregator of a network, and measures it on rows that no peer has.
type benchAccuracy struct {
	job         string
	rows, test  string
	most        int // rows to train on
	split       string
	peers       int
	perRound    int
	seeds       []uint64
	strategies  []string
	attacks     []string
	malicious   float64
	until       float64
	central     bool
	json        bool
	plot        string
	spec        job.Spec
	scheme      data.Scheme
	train, held data.Dataset
}

func newBenchAccuracyCommand() *cobra.Command {
	b := &benchAccuracy{}
	cmd := &cobra.Command{
		Use:   "accuracy",
		Short: "Measure what a job's model learns from rows split among peers",
		Long: `Split rows among peers, train a job's model over its rounds with every peer in
each, and measure it on other rows. Trainer and average are those of a network;
there is neither ledger nor HTTP here, so that a run costs its training alone.
Each seed draws split, initial model and order of training anew. --central trains
the same model on all rows for as many steps.

--strategies and --attacks make a table: each strategy under each attack by the
share --malicious of the peers, the last ones. A strategy is a name of
docs/aggregate.md, with its defaults, and with num_malicious set to the attackers
where it takes that; adaptive+NAME clips first. The peer that fltrust trusts is the
first. Attacks: none, sign_flip, gaussian, label_flip, alie, ipm.

Data: ` + data.SourceForms + `.
Split: ` + data.SchemeForms + `.`,
		Example: "  librum bench accuracy -f job.yaml --data idx:train-images,train-labels --test idx:t10k-images,t10k-labels \\\n" +
			"    --split dirichlet:0.5 --peers 10 --seeds 1,2,3 --json",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return b.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&b.job, "file", "f", "", "job spec as JSON or YAML: model, train and num_rounds count")
	flags.StringVar(&b.rows, "data", "", "rows to train on")
	flags.IntVar(&b.most, "rows", 0, "train on that many of them, drawn by the seed; 0 for all")
	flags.StringVar(&b.test, "test", "", "rows to measure on")
	flags.StringVar(&b.split, "split", "iid", "how the rows are split: "+data.SchemeForms)
	flags.IntVar(&b.peers, "peers", 10, "number of peers")
	var seeds []int64
	flags.Int64SliceVar(&seeds, "seeds", []int64{1, 2, 3}, "one run for each")
	flags.IntVar(&b.perRound, "per-round", 0, "peers drawn for each round; 0 for all")
	flags.StringSliceVar(&b.strategies, "strategies", nil, "strategies to compare; none for that of the job")
	flags.StringSliceVar(&b.attacks, "attacks", []string{"none"}, "attacks to compare them under")
	flags.Float64Var(&b.malicious, "malicious", 0.2, "share of the peers that attack")
	flags.Float64Var(&b.until, "until", 0, "end a run with the round that reaches this accuracy; 0 for never")
	flags.StringVar(&b.plot, "plot", "", "file for a picture of accuracy by round, as SVG")
	flags.BoolVar(&b.central, "central", false, "train on all rows together as well")
	flags.BoolVar(&b.json, "json", false, "print one JSON object on the last line")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		for _, s := range seeds {
			if s < 0 || s > job.MaxSeed {
				return wrongUse(fmt.Errorf("--seeds: %d: want 0 to %d", s, int64(job.MaxSeed)))
			}
			b.seeds = append(b.seeds, uint64(s))
		}
		return nil
	}
	return cmd
}

// accuracyResult is what the runs came to.
type accuracyResult struct {
	What       string         `json:"what"`
	Cells      []accuracyCell `json:"cells"`
	Conditions string         `json:"conditions"`
	Error      string         `json:"error,omitempty"` // that ended the bench before the rest was run
}

// accuracyCell is a strategy under an attack, over all seeds. A run that
// diverged counts as guessing would.
type accuracyCell struct {
	Strategy  string        `json:"strategy"`
	Attack    string        `json:"attack"`
	Accuracy  float64       `json:"accuracy"` // of the last rounds, mean over the seeds
	Deviation float64       `json:"deviation"`
	Runs      []accuracyRun `json:"runs"`
}

// accuracyRun is one seed's.
type accuracyRun struct {
	Seed     uint64    `json:"seed"`
	Rounds   []float64 `json:"accuracy_by_round"` // from round 1
	Diverged string    `json:"diverged,omitempty"`
	Central  float64   `json:"central,omitempty"` // after as many steps on all rows
	Steps    int       `json:"steps"`             // of all peers together
	Smallest int       `json:"smallest"`          // rows of a peer
	Largest  int       `json:"largest"`
	Seconds  float64   `json:"seconds"`
}

func (b *benchAccuracy) run(ctx context.Context, out, progress io.Writer) error {
	specs, attacks, err := b.load()
	if err != nil {
		return wrongUse(err)
	}
	result := accuracyResult{What: "accuracy", Conditions: b.conditions()}
	ended := b.cells(ctx, &result, specs, attacks, progress)
	if ended == nil && b.plot != "" {
		if err := os.WriteFile(b.plot, result.picture(), 0o600); err != nil {
			ended = fmt.Errorf("--plot: %w", err)
		}
	}
	if ended != nil { // hours may have gone into what stands
		result.Error = ended.Error()
	}
	if b.json {
		return errors.Join(ended, printJSON(out, result))
	}
	return errors.Join(ended, result.print(out))
}

// cells runs strategy by strategy, attack by attack and seed by seed, until an
// error, whose runs before it are in the result.
func (b *benchAccuracy) cells(ctx context.Context, result *accuracyResult, specs []job.Spec, attacks []*attack, progress io.Writer) error {
	for _, spec := range specs {
		for _, against := range attacks {
			cell := accuracyCell{Strategy: strategyName(&spec), Attack: "none"}
			if against != nil {
				cell.Attack = against.name
			}
			ended := b.cell(ctx, &cell, spec, against, progress)
			if len(cell.Runs) > 0 {
				cell.summarise(b.held.Classes)
				result.Cells = append(result.Cells, cell)
			}
			if ended != nil {
				return ended
			}
		}
	}
	return nil
}

// cell runs one strategy under one attack.
func (b *benchAccuracy) cell(ctx context.Context, cell *accuracyCell, spec job.Spec, against *attack, progress io.Writer) error {
	for _, seed := range b.seeds {
		run, err := b.one(ctx, spec, against, seed, func(format string, args ...any) {
			_, _ = fmt.Fprintf(progress, "%s, %s, seed %d, "+format+"\n", append([]any{cell.Strategy, cell.Attack, seed}, args...)...)
		})
		if err != nil {
			return fmt.Errorf("bench accuracy: %s, %s, seed %d: %w", cell.Strategy, cell.Attack, seed, err)
		}
		cell.Runs = append(cell.Runs, run)
	}
	return nil
}

func (b *benchAccuracy) conditions() string {
	return fmt.Sprintf(
		"%s %v, %d rounds of %d local epochs, batches of %d, learning rate %g, momentum %g; %d rows among %d peers by %s, %d in a round, measured on %d others; "+
			"attackers %g of the peers; %s/%s",
		b.spec.Model.Name, b.spec.Model.Layers, b.spec.NumRounds, b.spec.Train.LocalEpochs, b.spec.Train.BatchSize, b.spec.Train.LearningRate,
		b.spec.Train.Momentum, b.most, b.peers, b.split, b.perRound, b.held.Rows, b.malicious, runtime.GOOS, runtime.GOARCH)
}

// load reads what the flags name and returns the jobs and the attacks that make
// the table.
func (b *benchAccuracy) load() ([]job.Spec, []*attack, error) {
	text, err := durable.ReadFile(b.job, job.MaxBytes)
	if err != nil {
		return nil, nil, fmt.Errorf("--file: %w", err)
	}
	if b.spec, err = job.ParseYAML(text); err != nil { // JSON is YAML
		return nil, nil, fmt.Errorf("--file: %s: %w", b.job, err)
	}
	if b.spec.Model.Regression() {
		return nil, nil, fmt.Errorf("--file: %s: the model %s has no accuracy", b.job, b.spec.Model.Name)
	}
	if b.scheme, err = data.ParseScheme(b.split); err != nil {
		return nil, nil, fmt.Errorf("--split: %w", err)
	}
	if b.train, b.held, err = b.datasets(); err != nil {
		return nil, nil, err
	}
	if b.most == 0 {
		b.most = b.train.Rows
	}
	if b.perRound == 0 {
		b.perRound = b.peers
	}
	switch {
	case len(b.seeds) == 0:
		return nil, nil, errors.New("--seeds: name one at least")
	case b.perRound < 1 || b.perRound > b.peers:
		return nil, nil, fmt.Errorf("--per-round: %d: want 1 to %d, the peers", b.perRound, b.peers)
	case b.most < 1 || b.most > b.train.Rows:
		return nil, nil, fmt.Errorf("--rows: %d: want 1 to %d", b.most, b.train.Rows)
	}
	var attacks []*attack
	attackers := 0
	for _, name := range b.attacks {
		against, err := parseAttack(name, b.malicious, b.peers)
		if err != nil {
			return nil, nil, fmt.Errorf("--attacks: %w", err)
		}
		if against != nil {
			attackers = against.peers
		}
		attacks = append(attacks, against)
	}
	if len(b.strategies) == 0 {
		return []job.Spec{b.spec}, attacks, nil
	}
	var specs []job.Spec
	for _, name := range b.strategies {
		spec, err := withStrategy(b.spec, name, attackers)
		if err != nil {
			return nil, nil, fmt.Errorf("--strategies: %w", err)
		}
		specs = append(specs, spec)
	}
	return specs, attacks, nil
}

// datasets reads the rows; digits are those that Librum carries.
func (b *benchAccuracy) datasets() (rows, held data.Dataset, err error) {
	if b.rows == "digits" {
		return data.Digits()
	}
	if rows, err = loadData(b.rows, ""); err != nil {
		return rows, held, fmt.Errorf("--data: %w", err)
	}
	if held, err = loadData(b.test, ""); err != nil {
		return rows, held, fmt.Errorf("--test: %w", err)
	}
	return rows, held, nil
}

// withStrategy returns the job with another strategy, [CLIP+]NAME.
func withStrategy(spec job.Spec, name string, attackers int) (job.Spec, error) {
	clip, mean, nested := strings.Cut(name, "+")
	if !nested {
		clip, mean = "", name
	}
	spec.Strategy = job.Strategy{Name: mean, Clip: job.Part{Name: clip}}
	entry, err := strategy.Find(mean)
	if err != nil {
		return spec, err
	}
	if slices.ContainsFunc(entry.Params, func(p strategy.Param) bool { return p.Name == "num_malicious" }) && attackers > 0 {
		spec.Strategy.Params = map[string]float64{"num_malicious": float64(attackers)}
	}
	_, err = spec.Rule()
	return spec, err
}

func strategyName(spec *job.Spec) string {
	name := spec.Strategy.Name
	if spec.Strategy.Mean.Name != "" {
		name += "(" + spec.Strategy.Mean.Name + ")"
	}
	if spec.Strategy.Clip.Name != "" {
		name = spec.Strategy.Clip.Name + "+" + name
	}
	return name
}

// one trains and measures with one seed.
func (b *benchAccuracy) one(ctx context.Context, spec job.Spec, against *attack, seed uint64, say func(string, ...any)) (accuracyRun, error) {
	begin := time.Now()
	run := accuracyRun{Seed: seed, Smallest: math.MaxInt}
	spec.Seed = seed
	rows, err := b.drawRows(seed)
	if err != nil {
		return run, err
	}
	splits, err := b.scheme.Split(rows, b.peers, seed)
	if err != nil {
		return run, err
	}
	f, err := newFederation(&spec, rows, splits, b.perRound, against)
	if err != nil {
		return run, err
	}
	for _, part := range splits {
		run.Smallest, run.Largest = min(run.Smallest, len(part)), max(run.Largest, len(part))
	}
	for round := range uint64(spec.NumRounds) {
		metrics, err := f.step(ctx, round+1, b.held)
		run.Steps, run.Seconds = f.steps, time.Since(begin).Seconds()
		if reason, refused := aggregator.ReasonOf(err); refused || errors.Is(err, train.ErrDiverged) {
			run.Diverged = fmt.Sprintf("round %d: %s %v", round+1, reason, err)
			say("round %d of %d: diverged: %v", round+1, spec.NumRounds, err)
			return run, nil
		}
		if err != nil {
			return run, fmt.Errorf("round %d: %w", round+1, err)
		}
		run.Rounds = append(run.Rounds, metrics.Accuracy)
		say("round %d of %d: accuracy %.4f, loss %.4f, %.0f s", round+1, spec.NumRounds, metrics.Accuracy, metrics.Loss, run.Seconds)
		if b.until > 0 && metrics.Accuracy >= b.until {
			break
		}
	}
	if b.central {
		if run.Central, err = centralAccuracy(ctx, f.spec, rows, b.held, run.Steps); err != nil {
			return run, fmt.Errorf("central: %w", err)
		}
		say("central: accuracy %.4f", run.Central)
	}
	run.Seconds = time.Since(begin).Seconds()
	return run, nil
}

// drawRows takes as many rows as were asked for.
func (b *benchAccuracy) drawRows(seed uint64) (data.Dataset, error) {
	if b.most == b.train.Rows {
		return b.train, nil
	}
	drawn := rand.New(rand.NewPCG(seed, 0x726f7773)).Perm(b.train.Rows)[:b.most] //nolint:gosec // an experiment that repeats
	slices.Sort(drawn)
	return b.train.Subset(drawn)
}

// summarise takes mean and sample deviation of the last rounds.
func (c *accuracyCell) summarise(classes int) {
	last := make([]float64, len(c.Runs))
	n := float64(len(c.Runs))
	for i, run := range c.Runs {
		last[i] = 1 / float64(classes)
		if run.Diverged == "" {
			last[i] = run.Rounds[len(run.Rounds)-1]
		}
		c.Accuracy += last[i] / n
	}
	for _, x := range last {
		c.Deviation += (x - c.Accuracy) * (x - c.Accuracy) / max(n-1, 1)
	}
	c.Deviation = math.Sqrt(c.Deviation)
}

// picture draws the first run of each cell.
func (r *accuracyResult) picture() []byte {
	var series []chart.Series
	for _, c := range r.Cells {
		name := c.Strategy
		if c.Attack != "none" {
			name += ", " + c.Attack
		}
		series = append(series, chart.Series{Name: name, First: 1, Values: c.Runs[0].Rounds})
	}
	return chart.Lines("accuracy on other rows", "round", "accuracy", series)
}

func (r *accuracyResult) print(w io.Writer) error {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "accuracy: %s\n", r.Conditions)
	for _, cell := range r.Cells {
		_, _ = fmt.Fprintf(&b, "%s, attack %s: %.4f ± %.4f\n", cell.Strategy, cell.Attack, cell.Accuracy, cell.Deviation)
		for _, run := range cell.Runs {
			run.print(&b)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *accuracyRun) print(b *strings.Builder) {
	_, _ = fmt.Fprintf(b, "  seed %d: ", r.Seed)
	if r.Diverged != "" {
		_, _ = fmt.Fprintf(b, "diverged, %s", r.Diverged)
	} else {
		_, _ = fmt.Fprintf(b, "%.4f after %d rounds", r.Rounds[len(r.Rounds)-1], len(r.Rounds))
	}
	_, _ = fmt.Fprintf(b, ", %d steps, peers of %d to %d rows, %.0f s", r.Steps, r.Smallest, r.Largest, r.Seconds)
	if r.Central > 0 {
		_, _ = fmt.Fprintf(b, "; central %.4f", r.Central)
	}
	b.WriteByte('\n')
}
