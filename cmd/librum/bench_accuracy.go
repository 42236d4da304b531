package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
	"github.com/librum/librum/internal/durable"
)

// benchAccuracy trains a job's model in this process, by the trainer and the
// aggregator of a network, and measures it on rows that no peer has.
type benchAccuracy struct {
	job         string
	rows, test  string
	split       string
	peers       int
	seeds       []uint64
	central     bool
	json        bool
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
	flags.StringVar(&b.test, "test", "", "rows to measure on")
	flags.StringVar(&b.split, "split", "iid", "how the rows are split: "+data.SchemeForms)
	flags.IntVar(&b.peers, "peers", 10, "number of peers")
	var seeds []int64
	flags.Int64SliceVar(&seeds, "seeds", []int64{1, 2, 3}, "one run for each")
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
	What       string        `json:"what"`
	Accuracy   float64       `json:"accuracy"` // mean over the seeds
	Deviation  float64       `json:"deviation"`
	Runs       []accuracyRun `json:"runs"`
	Conditions string        `json:"conditions"`
}

// accuracyRun is one seed's.
type accuracyRun struct {
	Seed     uint64    `json:"seed"`
	Rounds   []float64 `json:"accuracy_by_round"` // from round 1
	Central  float64   `json:"central,omitempty"` // after as many steps on all rows
	Steps    int       `json:"steps"`             // of all peers together
	Smallest int       `json:"smallest"`          // rows of a peer
	Largest  int       `json:"largest"`
	Seconds  float64   `json:"seconds"`
}

func (b *benchAccuracy) run(ctx context.Context, out, progress io.Writer) error {
	if err := b.load(); err != nil {
		return wrongUse(err)
	}
	result := accuracyResult{What: "accuracy", Conditions: fmt.Sprintf(
		"%s %v, %d rounds of %d local epochs, batches of %d, learning rate %g, momentum %g; %d rows among %d peers by %s, measured on %d others; %s/%s",
		b.spec.Model.Name, b.spec.Model.Layers, b.spec.NumRounds, b.spec.Train.LocalEpochs, b.spec.Train.BatchSize, b.spec.Train.LearningRate,
		b.spec.Train.Momentum, b.train.Rows, b.peers, b.split, b.held.Rows, runtime.GOOS, runtime.GOARCH)}
	for _, seed := range b.seeds {
		run, err := b.one(ctx, seed, progress)
		if err != nil {
			return fmt.Errorf("bench accuracy: seed %d: %w", seed, err)
		}
		result.Runs = append(result.Runs, run)
	}
	result.summarise()
	if b.json {
		return printJSON(out, result)
	}
	return result.print(out)
}

func (b *benchAccuracy) load() (err error) {
	text, err := durable.ReadFile(b.job, job.MaxBytes)
	if err != nil {
		return fmt.Errorf("--file: %w", err)
	}
	if b.spec, err = job.ParseYAML(text); err != nil { // JSON is YAML
		return fmt.Errorf("--file: %s: %w", b.job, err)
	}
	if b.spec.Model.Regression() {
		return fmt.Errorf("--file: %s: the model %s has no accuracy", b.job, b.spec.Model.Name)
	}
	if b.scheme, err = data.ParseScheme(b.split); err != nil {
		return fmt.Errorf("--split: %w", err)
	}
	if b.train, err = loadData(b.rows, ""); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	if b.held, err = loadData(b.test, ""); err != nil {
		return fmt.Errorf("--test: %w", err)
	}
	if len(b.seeds) == 0 {
		return errors.New("--seeds: name one at least")
	}
	return nil
}

// one trains and measures with one seed.
func (b *benchAccuracy) one(ctx context.Context, seed uint64, progress io.Writer) (accuracyRun, error) {
	begin := time.Now()
	run := accuracyRun{Seed: seed}
	spec := train.FromJob(&b.spec)
	spec.Seed = seed
	splits, err := b.scheme.Split(b.train, b.peers, seed)
	if err != nil {
		return run, err
	}
	f, err := newFederation(spec, b.train, splits)
	if err != nil {
		return run, err
	}
	run.Smallest, run.Largest, run.Steps = math.MaxInt, 0, f.steps*int(b.spec.NumRounds)
	for _, rows := range splits {
		run.Smallest, run.Largest = min(run.Smallest, len(rows)), max(run.Largest, len(rows))
	}
	for round := range uint64(b.spec.NumRounds) {
		if err := f.round(ctx, round+1); err != nil {
			return run, fmt.Errorf("round %d: %w", round+1, err)
		}
		metrics, err := f.measure(ctx, b.held)
		if err != nil {
			return run, fmt.Errorf("round %d: %w", round+1, err)
		}
		run.Rounds = append(run.Rounds, metrics.Accuracy)
		_, _ = fmt.Fprintf(progress, "seed %d, round %d of %d: accuracy %.4f, loss %.4f, %.0f s\n",
			seed, round+1, b.spec.NumRounds, metrics.Accuracy, metrics.Loss, time.Since(begin).Seconds())
	}
	if b.central {
		if run.Central, err = centralAccuracy(ctx, spec, b.train, b.held, run.Steps); err != nil {
			return run, fmt.Errorf("central: %w", err)
		}
		_, _ = fmt.Fprintf(progress, "seed %d, central: accuracy %.4f\n", seed, run.Central)
	}
	run.Seconds = time.Since(begin).Seconds()
	return run, nil
}

// summarise takes mean and sample deviation of the last rounds.
func (r *accuracyResult) summarise() {
	n := float64(len(r.Runs))
	for _, run := range r.Runs {
		r.Accuracy += run.Rounds[len(run.Rounds)-1] / n
	}
	for _, run := range r.Runs {
		d := run.Rounds[len(run.Rounds)-1] - r.Accuracy
		r.Deviation += d * d / max(n-1, 1)
	}
	r.Deviation = math.Sqrt(r.Deviation)
}

func (r *accuracyResult) print(w io.Writer) error {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "accuracy: %s\n", r.Conditions)
	for _, run := range r.Runs {
		_, _ = fmt.Fprintf(&b, "  seed %d: %.4f after %d rounds, %d steps, peers of %d to %d rows, %.0f s",
			run.Seed, run.Rounds[len(run.Rounds)-1], len(run.Rounds), run.Steps, run.Smallest, run.Largest, run.Seconds)
		if run.Central > 0 {
			_, _ = fmt.Fprintf(&b, "; central %.4f", run.Central)
		}
		b.WriteByte('\n')
	}
	_, _ = fmt.Fprintf(&b, "  mean %.4f ± %.4f\n", r.Accuracy, r.Deviation)
	_, err := io.WriteString(w, b.String())
	return err
}
