package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/peer"
	"github.com/librum/librum/fl/policy"
	"github.com/librum/librum/internal/durable"
)

type peerRunOptions struct {
	*peerFlags

	data   string
	root   string
	policy string
	egress string
	test   string
	held   float64
}

func newPeerRunCommand() *cobra.Command {
	o := &peerRunOptions{}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Train with one's own data, as far as the policy allows",
		Long: `Train with one's own data until stopped. The peer asks the node for tasks,
checks the proof of each from the genesis digest on, decides by the policy, and
lists every file that leaves in the egress log before it does. Nothing connects
to the peer. It waits for a node that is away; SIGTERM ends it between two
batches. A new key in the place of the identity is taken up between two tasks,
once the ledger lists it (librum identity rotate). HTTPS_PROXY and SSL_CERT_FILE are honoured.

Data: ` + data.SourceForms + `.`,
		Example: "  librum peer run --server https://node.example --genesis 3f0c… --identity peer.key \\\n" +
			"    --data 'csv:rows.csv?label=ill&schema=schema.yaml' --data-root /srv/data --policy policy.yaml\n" +
			"  librum peer run --genesis 3f0c… --identity librum-dev/peers/external-0-key --data 'digits:1/3?seed=1' --policy policy.yaml",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.peerFlags = addPeerFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.data, "data", "", "where the rows come from: "+data.SourceForms)
	flags.StringVar(&o.root, "data-root", "", "folder that paths in --data are relative to and must not leave, symbolic links included")
	flags.StringVar(&o.test, "evaluate", "", "rows to evaluate on, which are not trained on, in the same forms")
	flags.Float64Var(&o.held, "hold-out", 0, "in place of --evaluate: share of the rows to evaluate on and not to train on, the same at each start")
	flags.StringVar(&o.policy, "policy", "", "file with the policy")
	flags.StringVar(&o.egress, "egress", "", "log of the files that left (default the identity's file name with .egress.jsonl)")
	return cmd
}

// peerStart is what run prints when it begins to ask for tasks.
type peerStart struct {
	Peer    ledger.ID     `json:"peer"`
	Chain   ledger.Digest `json:"chain"`
	Rows    int           `json:"rows"`
	HeldOut int           `json:"held_out,omitempty"`
	Columns int           `json:"columns"`
	Classes int           `json:"classes"`
	Policy  ledger.Digest `json:"policy"`
	Egress  string        `json:"egress"`
}

func (o *peerRunOptions) run(ctx context.Context, out, log io.Writer) (err error) {
	logger := slog.New(slog.NewTextHandler(log, nil))
	if _, err := o.key(); err != nil {
		return err
	}
	rules, err := readPolicy(o.policy)
	if err != nil {
		return wrongUse(err)
	}
	rows, err := loadData(o.data, o.root)
	if err != nil {
		return wrongUse(fmt.Errorf("--data: %w", err))
	}
	rows, held, err := o.holdOut(rows)
	if err != nil {
		return wrongUse(err)
	}
	path := first(o.egress, o.identity+".egress.jsonl")
	egress, err := peer.OpenEgress(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, egress.Close()) }()
	if n := rules.CPUs(); n > 0 {
		runtime.GOMAXPROCS(min(n, runtime.GOMAXPROCS(0)))
	}
	s, err := o.seat(ctx, logger, true)
	if err != nil {
		if ctx.Err() != nil { // stopped before a node answered
			return nil
		}
		return err
	}
	watch := watchKey(o.peerFlags, s)
	defer watch.close()
	s.config.Data, s.config.HeldOut, s.config.Renewed = rows, held, watch.renewed
	s.config.Consent = peer.Consent{Policy: rules, Egress: egress, Paused: o.paused}
	start := peerStart{
		Peer: s.config.ID, Chain: s.config.Chain, Rows: rows.Rows, HeldOut: held.Rows, Columns: rows.Columns, Classes: rows.Classes,
		Policy: rules.Digest, Egress: path,
	}
	if o.json {
		err = printJSON(out, start)
	} else {
		_, err = fmt.Fprintf(out, "peer %s: %d rows of %d features, %d classes; what leaves is listed in %s\n",
			start.Peer, start.Rows, start.Columns, start.Classes, path)
	}
	if err != nil {
		return err
	}
	return peer.New(s.config).Run(ctx)
}

// holdOut returns the rows to train on and those to evaluate on.
func (o *peerRunOptions) holdOut(rows data.Dataset) (rest, held data.Dataset, err error) {
	switch {
	case o.test != "" && o.held != 0:
		return rest, held, errors.New("--evaluate and --hold-out: one of them alone")
	case o.test != "":
		if held, err = loadData(o.test, o.root); err == nil && held.Columns != rows.Columns {
			err = fmt.Errorf("%d columns, --data has %d", held.Columns, rows.Columns)
		}
		if err != nil {
			return rest, held, fmt.Errorf("--evaluate: %w", err)
		}
		return rows, held, nil
	case o.held != 0:
		if rest, held, err = rows.HoldOut(o.held, holdOutSeed); err != nil {
			err = fmt.Errorf("--hold-out: %w", err)
		}
		return rest, held, err
	}
	return rows, held, nil
}

// holdOutSeed draws the same rows at each start, so that none is trained on
// after it was evaluated on.
const holdOutSeed = 0

func readPolicy(path string) (*policy.Policy, error) {
	if path == "" {
		return nil, errors.New("--policy: name the file that says what is allowed")
	}
	b, err := durable.ReadFile(path, policy.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("--policy: %w", err)
	}
	p, err := policy.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("--policy: %s: %w", path, err)
	}
	return p, nil
}
