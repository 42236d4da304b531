package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/peer"
	"github.com/librum/librum/fl/policy"
	"github.com/librum/librum/internal/durable"
)

func newPeerPolicyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "policy",
		Short:   "Try out a policy",
		Example: "  librum peer policy test --policy policy.yaml -f job.yaml",
		RunE:    chooseSubcommand,
	}
	cmd.AddCommand(newPeerPolicyTestCommand())
	return cmd
}

type policyTestOptions struct {
	policy  string
	spec    specFlags
	creator string
	rows    int
	data    string
	root    string
	at      string
	egress  string
	json    bool
}

func newPeerPolicyTestCommand() *cobra.Command {
	o := &policyTestOptions{}
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Say whether a policy would allow a job, and by which rule",
		Long: `Say whether a policy would allow a job, and by which rule; nothing is sent. Exit
0 where it would, 1 where it would not.`,
		Example: "  librum peer policy test --policy policy.yaml -f job.yaml --creator 7c1e… --rows 500 --at 2026-11-23T20:00:00Z\n" +
			"  librum peer policy test --policy policy.yaml -f job.yaml --data 'csv:rows.csv?label=ill&schema=schema.yaml'",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.policy, "policy", "", "file with the policy")
	flags.StringVarP(&o.spec.file, "file", "f", "", "job spec in YAML or JSON, - for standard input")
	flags.StringVar(&o.creator, "creator", "", "member id of the job's creator (default one that no policy lists)")
	flags.IntVar(&o.rows, "rows", job.MaxExamples, "rows that the peer has (default enough)")
	flags.StringVar(&o.data, "data", "", "the peer's data, for its rows and columns (default none is read): "+data.SourceForms)
	flags.StringVar(&o.root, "data-root", "", "folder that paths in --data are relative to and must not leave")
	flags.StringVar(&o.at, "at", "", "time, such as 2026-11-23T20:00:00Z (default now)")
	flags.StringVar(&o.egress, "egress", "", "egress log, for the number of jobs before (default none were)")
	flags.BoolVar(&o.json, "json", false, "print one JSON object on the last line")
	return cmd
}

func (o *policyTestOptions) run(ctx context.Context, stdin io.Reader, out io.Writer) error {
	rules, err := readPolicy(o.policy)
	if err != nil {
		return wrongUse(err)
	}
	request, err := o.request(ctx, stdin)
	if err != nil {
		return wrongUse(err)
	}
	decision := rules.Decide(request)
	if o.json {
		err = printJSON(out, struct {
			Allowed bool `json:"allowed"`
			policy.Decision
		}{decision.Allowed(), decision})
	} else if decision.Allowed() {
		_, err = fmt.Fprintf(out, "allow, by %s\n", decision.Rule)
	} else {
		for _, refusal := range decision.Refusals {
			say(out, "refuse, by %s", refusal)
		}
	}
	if err == nil && !decision.Allowed() {
		err = &exitError{code: exitNo}
	}
	return err
}

func (o *policyTestOptions) request(ctx context.Context, stdin io.Reader) (policy.Request, error) {
	spec, err := o.spec.read(ctx, stdin)
	if err != nil {
		return policy.Request{}, err
	}
	r := policy.Request{Spec: &spec, Rows: o.rows, Now: time.Now()}
	if o.data != "" {
		rows, err := loadData(o.data, o.root)
		if err != nil {
			return r, fmt.Errorf("--data: %w", err)
		}
		r.Rows, r.Columns = rows.Rows, rows.Sources
	} else {
		r.Columns = []string{} // not known: nothing is held against them
	}
	if o.creator != "" {
		if r.Creator, err = ledger.ParseID(o.creator); err != nil {
			return r, fmt.Errorf("--creator: %w", err)
		}
	}
	if o.at != "" {
		if r.Now, err = time.Parse(time.RFC3339, o.at); err != nil {
			return r, fmt.Errorf("--at: %w", err)
		}
	}
	r.Jobs, err = o.jobs()
	return r, err
}

// jobs counts the jobs of the egress log.
func (o *policyTestOptions) jobs() (_ int, err error) {
	if o.egress == "" {
		return 0, nil
	}
	file, err := durable.OpenFile(o.egress, os.O_RDONLY, 0)
	if err != nil {
		return 0, fmt.Errorf("--egress: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	departures, err := peer.ReadEgress(file)
	jobs := map[ledger.Digest]bool{}
	for _, d := range departures {
		jobs[d.Job] = true
	}
	if err != nil {
		err = fmt.Errorf("--egress: read %s: %w", o.egress, err)
	}
	return len(jobs), err
}
