package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
)

func newTxCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "tx",
		Short:   "Submit transactions, see what became of them and prove it",
		Example: "  librum tx show 9a41…",
		RunE:    chooseSubcommand,
	}
	flags := addServerFlags(cmd)
	cmd.AddCommand(newTxSubmitCommand(flags), newTxShowCommand(flags), newTxProofCommand(flags))
	return cmd
}

func newTxSubmitCommand(flags *serverFlags) *cobra.Command {
	var wait string
	cmd := &cobra.Command{
		Use:     "submit FILE",
		Short:   "Submit a signed transaction (COSE_Sign1), - for standard input",
		Long:    "Submit a signed transaction (COSE_Sign1), - for standard input. Exit 0 where it took effect, 1 where it was refused. Submitting the same file again gives the first outcome again.",
		Example: "  librum tx submit transfer.cose --wait final",
		Args:    oneArgument("the file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if wait != string(client.Executed) && wait != string(client.Final) {
				return wrongUse(fmt.Errorf("--wait is %q, want executed or final", wait))
			}
			signed, err := readTransaction(cmd.Context(), cmd.InOrStdin(), args[0])
			if err != nil {
				return wrongUse(err)
			}
			c, err := flags.open()
			if err != nil {
				return err
			}
			t, err := c.Submit(cmd.Context(), signed, client.Wait(wait))
			if err != nil {
				return answered(err)
			}
			return showTransaction(cmd.OutOrStdout(), flags.json, &t)
		},
	}
	cmd.Flags().StringVar(&wait, "wait", string(client.Executed), "whose word to wait for: executed (the node's) or final (the quorum's)")
	return cmd
}

// readTransaction reads a file that may be a transaction.
func readTransaction(ctx context.Context, stdin io.Reader, path string) ([]byte, error) {
	b, err := readInput(ctx, stdin, path, ledger.MaxTransactionBytes)
	if err != nil {
		return nil, err
	}
	if _, _, err := ledger.ParseTransaction(b); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return b, nil
}

func newTxShowCommand(flags *serverFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show what became of a transaction",
		Example: "  librum tx show 9a41…",
		Args:    oneArgument("the transaction's id"),
		RunE: withID(flags, func(cmd *cobra.Command, c *client.Client, id ledger.Digest) error {
			t, err := c.Transaction(cmd.Context(), id)
			if err != nil {
				return answered(err)
			}
			return showTransaction(cmd.OutOrStdout(), flags.json, &t)
		}),
	}
}

func showTransaction(w io.Writer, asJSON bool, tx *v1.Transaction) error {
	if asJSON {
		return printJSON(w, tx)
	}
	t := newTable(w)
	t.row("transaction", tx.ID)
	t.row("code", tx.Code)
	if tx.Detail != "" {
		t.row("detail", tx.Detail)
	}
	t.row("position", tx.Position)
	t.row("log time", logTime(tx.LogTime))
	t.row("final", tx.Final)
	if c := tx.Content; c != nil {
		t.row("block", c.Height)
		t.row("sender", c.Sender)
		t.row("call", c.Contract+"."+c.Method)
		t.row("arguments", string(c.Args))
	}
	for _, e := range tx.Events {
		t.row("event", e.Type+" "+string(e.Data))
	}
	return t.Flush()
}

func newTxProofCommand(flags *serverFlags) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:     "proof ID",
		Short:   "Get the proof of a transaction's result",
		Example: "  librum tx proof 9a41… -o proof.cbor",
		Args:    oneArgument("the transaction's id"),
		RunE: withID(flags, func(cmd *cobra.Command, c *client.Client, id ledger.Digest) error {
			p, err := c.Proof(cmd.Context(), id)
			if err != nil {
				return answered(err)
			}
			if out != "" {
				if err := os.WriteFile(out, p.Proof, 0o600); err != nil {
					return fmt.Errorf("write the proof: %w", err)
				}
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), p)
			}
			return showProof(cmd.OutOrStdout(), &p)
		}),
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file for the proof in CBOR")
	return cmd
}

func showProof(w io.Writer, p *v1.Proof) error {
	t := newTable(w)
	t.row("transaction", p.Result.ID)
	t.row("code", p.Result.Code)
	t.row("block", fmt.Sprintf("%d, %s", p.Header.Height, p.Header.Hash))
	t.row("result", fmt.Sprintf("%d of %d, under root %s", p.Index+1, p.Size, p.Header.Results))
	for _, s := range p.Signatures {
		t.row("signed by", s.Node)
	}
	path, err := json.Marshal(p.Path)
	if err != nil {
		return err
	}
	t.row("path", string(path))
	return t.Flush()
}
