package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/verify"
	"github.com/librum/librum/localnet"
	"github.com/librum/librum/localnet/fsck"
)

type fsckOptions struct {
	dir  string
	json bool
}

func newFsckCommand() *cobra.Command {
	o := &fsckOptions{}
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Look for damaged, missing and stray files of a stopped network",
		Long: `Compare every file of a directory with the manifest that the clean stop left,
then check log, stores, blobs and keys by themselves; after a crash there is no
manifest, and the latter alone is done. Nothing is written. What the files say
is for "librum verify" to check.

Exit 0 where nothing is wrong, 1 where something is, 3 where the network runs or
is not there.`,
		Example: "  librum fsck --dir demo-data",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&o.dir, "dir", "demo-data", "directory of the network")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object on the last line")
	return cmd
}

// fsckResult is what fsck prints with --json.
type fsckResult struct {
	OK       bool           `json:"ok"`
	Verdict  verify.Verdict `json:"verdict"`
	Manifest string         `json:"manifest"`
	Checked  fsck.Checked   `json:"checked"`
	First    *fsck.Finding  `json:"first_error"`
	Found    int            `json:"num_findings"`
	Findings []fsck.Finding `json:"findings"`       // the first ones
	Rebuilt  []fsck.Finding `json:"can_be_rebuilt"` // damaged, and made again by themselves
}

func (o *fsckOptions) run(ctx context.Context, out io.Writer) error {
	report, err := fsck.Check(ctx, localnet.Dir(o.dir))
	result := fsckResult{
		OK: err == nil && report.Found == 0, Verdict: verify.Right, Manifest: report.Manifest, Checked: report.Checked,
		Found: report.Found, Findings: report.Findings, Rebuilt: report.Rebuilt,
	}
	switch {
	case err != nil:
		result.Verdict = verify.Incomplete
		result.First = &fsck.Finding{Kind: "unavailable", Where: o.dir, Message: err.Error()}
	case report.Found > 0:
		result.Verdict, result.First = verify.Wrong, &report.Findings[0]
	}
	if o.json {
		if err := printJSON(out, result); err != nil {
			return err
		}
	} else if err == nil {
		printFsck(out, &report)
	}
	switch {
	case err != nil:
		return &exitError{code: exitUnknown, err: err}
	case report.Found > 0:
		return &exitError{code: exitNo}
	}
	return nil
}

func printFsck(out io.Writer, r *fsck.Report) {
	for _, n := range r.Notes {
		say(out, "note: %s", n)
	}
	for _, f := range r.Rebuilt {
		say(out, "can be rebuilt: %s", f)
	}
	for _, f := range r.Findings {
		say(out, "wrong: %s", f)
	}
	if more := r.Found - len(r.Findings); more > 0 {
		say(out, "wrong: %d more", more)
	}
	c := &r.Checked
	say(out, "manifest %s: %d files of %d bytes compared", r.Manifest, c.Files, c.Bytes)
	say(out, "read: %d nodes, %d records, %d blocks, %d rows, %d blobs, %d keys", c.Nodes, c.Records, c.Blocks, c.Rows, c.Blobs, c.Keys)
	verdict := "right"
	if r.Found > 0 {
		verdict = fmt.Sprintf("wrong: %d findings", r.Found)
	}
	say(out, "%s", verdict)
}
