package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/verify"
	"github.com/librum/librum/fl/evidence"
	"github.com/librum/librum/internal/durable"
)

// runFile is verify without a subcommand: what it is given may be a file.
func (o *verifyOptions) runFile(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return chooseSubcommand(cmd, args)
	}
	_, err := os.Stat(args[0])
	if errors.Is(err, fs.ErrNotExist) && filepath.Base(args[0]) == args[0] && filepath.Ext(args[0]) == "" {
		return chooseSubcommand(cmd, args) // a mistyped word
	}
	if o.server != "" || cmd.Flags().Changed("dir") {
		return wrongUse(errors.New("an evidence file is verified by itself, without --dir and --server"))
	}
	anchors, err := o.anchors()
	if err != nil {
		return wrongUse(err)
	}
	out := cmd.OutOrStdout()
	text := out
	if o.json {
		text = io.Discard
	}
	result, err := verifyFile(cmd.Context(), args[0], anchors, text)
	if coded, ok := errors.AsType[*exitError](err); ok && coded.code == exitUsage {
		return err
	}
	return o.finish(out, args[0], &result, err)
}

// verifyFile verifies an evidence file with nothing else at hand.
func verifyFile(ctx context.Context, path string, anchors verify.Anchors, out io.Writer) (result verifyResult, err error) {
	file, err := durable.OpenFile(path, os.O_RDONLY, 0)
	if errors.Is(err, durable.ErrNotRegular) {
		err = wrongUse(err)
	}
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return result, err
	}
	result.OK, result.Verdict = true, verify.Right
	f, err := evidence.Open(ctx, file, info.Size())
	if errors.Is(err, evidence.ErrFormat) {
		result.fail(verify.Wrong, &verify.Finding{Kind: "malformed", Where: path, Message: err.Error()}, out)
		return result, nil
	}
	if err != nil {
		return result, err
	}
	r, err := f.Verify(ctx, evidence.Input{
		Genesis: anchors.Genesis, Head: anchors.Head, MinHeight: anchors.MinHeight, Verify: identity.NewVerifier(1 << 14).Verify,
	})
	if err != nil {
		return result, fmt.Errorf("verify %s: %w", path, err)
	}
	result.Checked = verify.Checked{Blocks: r.Blocks, Transactions: r.Transactions, Signatures: r.Signatures}
	sayEvidence(f, &r, anchors, out)
	if r.First == nil || r.Job.First != nil {
		result.sayJob(f.Job, &r.Job, out)
		return result, nil
	}
	verdict := verify.Wrong
	if r.First.Kind == "missing" {
		verdict = verify.Incomplete
	}
	result.fail(verdict, &verify.Finding{Kind: r.First.Kind, Where: r.First.Where, Message: r.First.Message}, out)
	return result, nil
}

// sayEvidence says what the file shows of the chain, and what it cannot show.
func sayEvidence(f *evidence.File, r *evidence.Report, anchors verify.Anchors, out io.Writer) {
	say(out, "evidence of job %s, blocks %d to %d", f.Job, f.First, f.Last)
	say(out, "genesis    %s", r.Genesis)
	say(out, "chain hash %s at height %d, log time %s", r.Hash, f.Last, logTime(r.LogTime))
	if r.Nodes > 0 {
		say(out, "ledger: attested by %d of %d: header %d, and with it all before; %d transactions of the job and the results of all %d in these blocks lie under them",
			r.Signers, r.Nodes, f.Last, r.Transactions, r.Results)
		say(out, "ledger: nothing was executed again: that a transaction wrote what its result says is the word of these nodes (verify chain executes)")
		say(out, "ledger: no transaction that took effect on the job is left out; refused ones and renewals of terms are not shown to be complete")
	}
	if r.Accepted > 0 {
		say(out, "ledger: %d transactions are signed by keys that are not of the genesis: that they hold is the word of these nodes", r.Accepted)
	}
	if anchors.Genesis.IsZero() {
		say(out, "no anchor was given (--genesis): that this is a chain of somebody's own making is not excluded")
	}
}
