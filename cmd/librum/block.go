package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	v1 "github.com/librum/librum/api/v1"
)

func newBlockCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "block",
		Short:   "Show blocks",
		Example: "  librum block show 12",
		RunE:    chooseSubcommand,
	}
	flags := addServerFlags(cmd)
	cmd.AddCommand(&cobra.Command{
		Use:     "show HEIGHT",
		Short:   "Show a block with its signatures and results",
		Example: "  librum block show 12 --json",
		Args:    oneArgument("the height, from 1"),
		RunE: func(cmd *cobra.Command, args []string) error {
			height, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil || height == 0 {
				return wrongUse(fmt.Errorf("height %q: want a whole number from 1", args[0]))
			}
			c, err := flags.open()
			if err != nil {
				return err
			}
			b, err := c.Block(cmd.Context(), height)
			if err != nil {
				return answered(err)
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), b)
			}
			return showBlock(newTable(cmd.OutOrStdout()), &b)
		},
	})
	return cmd
}

func showBlock(t table, b *v1.Block) error {
	t.row("block", b.Height)
	t.row("hash", b.Hash)
	t.row("previous", b.Previous)
	t.row("log time", logTime(b.LogTime))
	t.row("positions", b.First+" to "+b.Last)
	t.row("final", b.Final)
	t.row("records", fmt.Sprintf("%d, of them %d skipped", b.NumRecords, b.Skipped))
	t.row("state", b.State)
	for _, s := range b.Signatures {
		t.row("signed by", s.Node)
	}
	for _, r := range b.Results {
		t.row("transaction", fmt.Sprintf("%s %s %s", r.Position, r.ID, r.Code))
	}
	return t.Flush()
}
