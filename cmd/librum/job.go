package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/job"
)

func newJobCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "job",
		Short:   "Submit, follow and end training jobs",
		Example: "  librum job run -f job.yaml",
		RunE:    chooseSubcommand,
	}
	flags := addServerFlags(cmd)
	cmd.AddCommand(
		newJobRunCommand(flags), newJobSubmitCommand(flags), newJobListCommand(flags),
		newJobShowCommand(flags), newJobWatchCommand(flags), newJobCancelCommand(flags), newJobExportCommand(flags),
		newJobEvaluateCommand(flags), newJobPeersCommand(flags),
	)
	return cmd
}

// specFlags say which job to submit.
type specFlags struct{ file, key string }

func (f *specFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.file, "file", "f", "", "job spec in YAML or JSON, - for standard input")
	cmd.Flags().StringVar(&f.key, "key", "", "idempotency key: the same key never makes a second job")
}

// submit reads the spec and creates the job.
func (f *specFlags) submit(cmd *cobra.Command, c *client.Client) (v1.Job, error) {
	spec, err := f.read(cmd.Context(), cmd.InOrStdin())
	if err != nil {
		return v1.Job{}, wrongUse(err)
	}
	j, err := c.CreateJob(cmd.Context(), spec, f.key)
	return j, answered(err)
}

func (f *specFlags) read(ctx context.Context, stdin io.Reader) (job.Spec, error) {
	if f.file == "" {
		return job.Spec{}, errors.New("no job spec: name its file with -f")
	}
	b, err := readInput(ctx, stdin, f.file, job.MaxBytes)
	if err != nil {
		return job.Spec{}, err
	}
	parse := job.ParseYAML
	if strings.HasSuffix(f.file, ".json") {
		parse = job.ParseJSON
	}
	spec, err := parse(b)
	if err != nil {
		return spec, fmt.Errorf("read %s: %w", f.file, err)
	}
	return spec, nil
}

func newJobSubmitCommand(flags *serverFlags) *cobra.Command {
	var spec specFlags
	cmd := &cobra.Command{
		Use:     "submit",
		Short:   "Submit a job and return at once",
		Example: "  librum job submit -f job.yaml --key nightly-2026-11-23",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.open()
			if err != nil {
				return err
			}
			j, err := spec.submit(cmd, c)
			if err != nil {
				return err
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), j)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), j.ID)
			return err
		},
	}
	spec.add(cmd)
	return cmd
}

func newJobCancelCommand(flags *serverFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "cancel ID",
		Short:   "End a job of yours",
		Example: "  librum job cancel 3f0c…",
		Args:    oneArgument("the job's id"),
		RunE: withID(flags, func(cmd *cobra.Command, c *client.Client, id ledger.Digest) error {
			j, err := c.CancelJob(cmd.Context(), id)
			if err != nil {
				return answered(err)
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), j)
			}
			return printJob(cmd.OutOrStdout(), &j)
		}),
	}
}

func newJobShowCommand(flags *serverFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show where a job stands",
		Example: "  librum job show 3f0c… --json",
		Args:    oneArgument("the job's id"),
		RunE: withID(flags, func(cmd *cobra.Command, c *client.Client, id ledger.Digest) error {
			j, declines, err := fetchJob(cmd.Context(), c, id)
			if err != nil {
				return answered(err)
			}
			var updates v1.Updates // of the newest final round
			if j.FinalRounds > 0 {
				if updates, err = c.Updates(cmd.Context(), id, j.FinalRounds, client.Page{Limit: 100}); err != nil {
					return answered(err)
				}
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), struct {
					v1.Job

					Declines []v1.DeclinedUpdate `json:"declines,omitempty"` // of the newest round
					Updates  []v1.Update         `json:"updates,omitempty"`  // of the newest final round, the first hundred
				}{j, declines, updates.Updates})
			}
			if err := printJob(cmd.OutOrStdout(), &j); err != nil {
				return err
			}
			if err := printUpdates(cmd.OutOrStdout(), j.FinalRounds, updates); err != nil {
				return err
			}
			for _, d := range declines {
				say(cmd.OutOrStdout(), "round %d is declined by peer %s: %s", j.Round, d.Peer, d.Reason)
			}
			return nil
		}),
	}
}

// printUpdates shows what each peer claims in a round.
func printUpdates(w io.Writer, round uint64, page v1.Updates) error {
	names := map[string]bool{}
	for _, u := range page.Updates {
		for name := range u.Metrics {
			names[name] = true
		}
	}
	metrics := slices.Sorted(maps.Keys(names))
	if len(metrics) == 0 {
		return nil
	}
	say(w, "\nwhat peers claim in round %d; eval_ is of the model before it, on rows that they held out", round)
	t := newTable(w)
	head := []any{"PEER", "EXAMPLES"}
	for _, name := range metrics {
		head = append(head, strings.ToUpper(name))
	}
	t.row(head...)
	for _, u := range page.Updates {
		if u.State != "submitted" {
			continue
		}
		row := []any{u.Peer, u.NumExamples}
		for _, name := range metrics {
			value := ""
			if x, told := u.Metrics[name]; told {
				value = fmt.Sprintf("%.4g", x)
			}
			row = append(row, value)
		}
		t.row(row...)
	}
	if page.NextCursor != "" {
		t.row("…")
	}
	return t.Flush()
}

// fetchJob returns a job and who declined its newest round.
func fetchJob(ctx context.Context, c *client.Client, id ledger.Digest) (v1.Job, []v1.DeclinedUpdate, error) {
	j, err := c.Job(ctx, id)
	if err != nil || j.Round == 0 {
		return j, nil, err
	}
	newest, err := c.Rounds(ctx, id, client.Page{Cursor: strconv.FormatUint(j.Round-1, 10), Limit: 1})
	if err != nil || len(newest.Rounds) == 0 {
		return j, nil, err
	}
	return j, newest.Rounds[0].Declines, nil
}

func printJob(w io.Writer, j *v1.Job) error {
	t := newTable(w)
	t.row("job", j.ID)
	t.row("state", strings.TrimSpace(j.State+" "+j.Reason))
	t.row("creator", j.Creator)
	t.row("created", logTime(j.Created))
	t.row("rounds", fmt.Sprintf("%d of %d final", j.FinalRounds, j.NumRounds))
	if j.BestRound != 0 {
		t.row("best", fmt.Sprintf("round %d, as the peers claim", j.BestRound))
	}
	if j.Model != nil {
		t.row("model", fmt.Sprintf("%s (%d bytes)", j.Model.Digest, j.Model.Size))
	}
	if j.Card != nil {
		t.row("card", j.Card.Digest)
	}
	if j.Ended != 0 {
		t.row("ended", logTime(j.Ended))
	}
	t.row("spec", string(j.Spec))
	return t.Flush()
}

func newJobListCommand(flags *serverFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List all jobs, the oldest first",
		Example: "  librum job list",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.open()
			if err != nil {
				return err
			}
			jobs := []v1.Job{}
			for page := (client.Page{Limit: 1000}); ; {
				list, err := c.Jobs(cmd.Context(), page)
				if err != nil {
					return answered(err)
				}
				jobs = append(jobs, list.Jobs...)
				if page.Cursor = list.NextCursor; page.Cursor == "" {
					break
				}
			}
			slices.SortStableFunc(jobs, func(a, b v1.Job) int { return cmp.Compare(a.Created, b.Created) })
			if flags.json {
				return printJSON(cmd.OutOrStdout(), v1.Jobs{Jobs: jobs})
			}
			t := newTable(cmd.OutOrStdout())
			t.row("JOB", "STATE", "ROUNDS", "CREATED")
			for _, j := range jobs {
				t.row(j.ID, strings.TrimSpace(j.State+" "+j.Reason), fmt.Sprintf("%d/%d", j.FinalRounds, j.NumRounds), logTime(j.Created))
			}
			return t.Flush()
		},
	}
}
