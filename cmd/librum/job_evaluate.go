package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
)

// evaluateOptions are the flags of job evaluate.
type evaluateOptions struct {
	rows    string
	version int64
	peers   bool
}

func newJobEvaluateCommand(flags *serverFlags) *cobra.Command {
	o := &evaluateOptions{}
	cmd := &cobra.Command{
		Use:   "evaluate ID",
		Short: "Measure a job's model on rows of one's own, or on those that peers hold out",
		Long: `Measure a version of a job's model. With --data it is fetched and measured here,
as a whole and by label; rows and result stay here. With --on-peers a job of one
round is submitted that begins with the model and trains nothing: each peer measures
it on the rows that it holds out (librum peer run --evaluate or --hold-out), as far
as its policy lets such numbers go, and "librum job watch" and "job show" tell them
by peer. These are claims of the peers.

Data: ` + data.SourceForms + `.`,
		Example: "  librum job evaluate 3f0c… --data idx:t10k-images,t10k-labels\n" +
			"  librum job evaluate 3f0c… --on-peers",
		Args: oneArgument("the job's id"),
		RunE: withID(flags, func(cmd *cobra.Command, c *client.Client, id ledger.Digest) error {
			return o.run(cmd.Context(), c, id, flags.json, cmd.OutOrStdout())
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.rows, "data", "", "rows to measure on")
	f.Int64Var(&o.version, "model-version", -1, "round whose result is measured, 0 for the initial model; the last final one if left out")
	f.BoolVar(&o.peers, "on-peers", false, "have the peers measure the last final model")
	return cmd
}

// evaluation is what job evaluate prints with --json.
type evaluation struct {
	Job      ledger.Digest      `json:"job"`
	Version  uint64             `json:"version"`
	Model    ledger.Digest      `json:"model"`
	Data     string             `json:"data"`
	Examples int                `json:"examples"`
	Metrics  map[string]float64 `json:"metrics"`
	ByLabel  []labelEvaluation  `json:"by_label,omitempty"` // where the model tells classes apart
}

type labelEvaluation struct {
	Label    int                `json:"label"`
	Examples int                `json:"examples"`
	Metrics  map[string]float64 `json:"metrics"`
}

func (o *evaluateOptions) run(ctx context.Context, c *client.Client, id ledger.Digest, asJSON bool, out io.Writer) error {
	if o.peers == (o.rows != "") || o.peers && o.version >= 0 || o.version < -1 {
		return wrongUse(errors.New("give --data, with --model-version from 0 on if another than the last is meant, or --on-peers"))
	}
	j, err := c.Job(ctx, id)
	if err != nil {
		return answered(err)
	}
	spec, err := job.ParseJSON(j.Spec)
	if err != nil {
		return fmt.Errorf("read the job's spec: %w", err)
	}
	if o.peers {
		if j.FinalRounds == 0 || j.Model == nil {
			return &exitError{code: exitUnknown, err: fmt.Errorf("the job is %s and has no final model", j.State)}
		}
		made, err := c.CreateJob(ctx, onPeers(spec, j.Model.Digest), "")
		if err != nil {
			return answered(err)
		}
		if asJSON {
			return printJSON(out, made)
		}
		say(out, "%s", made.ID)
		return nil
	}
	rows, err := loadData(o.rows, "")
	if err != nil {
		return wrongUse(fmt.Errorf("--data: %w", err))
	}
	version := j.FinalRounds
	if o.version >= 0 {
		version = uint64(o.version)
	}
	result, err := o.measure(ctx, c, id, version, spec, rows)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, result)
	}
	return result.print(out)
}

// onPeers returns the job that has peers measure a model.
func onPeers(spec job.Spec, model ledger.Digest) job.Spec {
	defaults := job.Defaults()
	spec.NumRounds, spec.FractionEvaluate, spec.InitialModel = 1, 1, model.String()
	spec.Train.LocalEpochs = 0
	spec.FractionTrain, spec.OverSelection = defaults.FractionTrain, defaults.OverSelection // all of them
	spec.Strategy, spec.EarlyStop = defaults.Strategy, defaults.EarlyStop
	return spec
}

func (o *evaluateOptions) measure(ctx context.Context, c *client.Client, id ledger.Digest, version uint64, spec job.Spec, rows data.Dataset) (*evaluation, error) {
	if len(spec.Parameters.Share)+len(spec.Parameters.KeepLocal) > 0 {
		return nil, &exitError{code: exitUnknown, err: errors.New("each peer keeps a part of the model of its own; ask them by --on-peers of a job that shares all")}
	}
	at, err := newMeasure(ctx, c, id, spec, rows)
	if err != nil {
		return nil, err
	}
	params, digest, err := at.fetch(version)
	if err != nil {
		return nil, answered(err)
	}
	whole, err := at.trainer.Evaluate(ctx, params, rows)
	if err != nil {
		return nil, unmeasured(err)
	}
	result := &evaluation{Job: id, Version: version, Model: digest, Data: o.rows, Examples: whole.Examples, Metrics: whole.Named()}
	for label := range rows.Classes {
		part, err := rows.Subset(rowsOf(rows, label))
		if err != nil {
			return nil, err
		}
		if part.Rows == 0 {
			continue
		}
		m, err := at.trainer.Evaluate(ctx, params, part)
		if err != nil {
			return nil, unmeasured(err)
		}
		result.ByLabel = append(result.ByLabel, labelEvaluation{Label: label, Examples: m.Examples, Metrics: m.Named()})
	}
	return result, nil
}

// unmeasured tells rows that do not fit from a model that gives no numbers.
func unmeasured(err error) error {
	if errors.Is(err, train.ErrInvalid) {
		return wrongUse(fmt.Errorf("--data: %w", err))
	}
	return err
}

func rowsOf(d data.Dataset, label int) []int {
	var rows []int
	for i, l := range d.Labels {
		if int(l) == label {
			rows = append(rows, i)
		}
	}
	return rows
}

func (e *evaluation) print(w io.Writer) error {
	say(w, "version %d of job %s, model %s, on %d rows of %s", e.Version, e.Job.Short(), e.Model.Short(), e.Examples, e.Data)
	var names []string
	for name := range e.Metrics {
		names = append(names, name)
	}
	slices.Sort(names)
	t := newTable(w)
	head := []any{"ROWS", "NUMBER"}
	for _, name := range names {
		head = append(head, name)
	}
	t.row(head...)
	line := func(what string, n int, m map[string]float64) {
		cells := []any{what, n}
		for _, name := range names {
			cells = append(cells, fmt.Sprintf("%.4f", m[name]))
		}
		t.row(cells...)
	}
	line("all", e.Examples, e.Metrics)
	for _, l := range e.ByLabel {
		line(fmt.Sprintf("label %d", l.Label), l.Examples, l.Metrics)
	}
	return t.Flush()
}
