package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/snapshot"
	"github.com/librum/librum/chain/store"
)

type snapshotPruneOptions struct {
	*storeFlags

	below uint64
}

func newSnapshotPruneCommand() *cobra.Command {
	o := &snapshotPruneOptions{}
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Forget what a stopped node keeps below a height",
		Long: `Forget the blocks, the state's history and the signatures below a height of a
stopped node. Kept are the state from that block on, and the ends of epochs that
lead from group to group. The block must have a quorum of its own, and the state
there must be right: both are checked first. Transactions below are not found any
more, nor their proofs; other nodes may keep them.

What a crash leaves is finished by doing it again.

Exit 0 where it is done, 1 where the state is not right or the block is not
final, 3 where the node runs, is missing or does not go back so far.`,
		Example: "  librum snapshot prune --dir dev-data --node 1 --below 1200\n" +
			"  librum snapshot prune --config node.yaml --below 1200 --json",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	o.storeFlags = addStoreFlags(cmd.Flags())
	cmd.Flags().Uint64Var(&o.below, "below", 0, "the lowest height to keep")
	return cmd
}

// pruneResult is what prune prints with --json.
type pruneResult struct {
	Floor  uint64 `json:"floor"`
	Height uint64 `json:"height"`
	Kept   int    `json:"kept_handovers"`
}

func (o *snapshotPruneOptions) run(ctx context.Context, out io.Writer) (err error) {
	if o.below == 0 {
		return wrongUse(errors.New("--below: name the lowest height to keep, from 1"))
	}
	n, err := o.open(ctx, toWrite)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	if err := pruneHeight(ctx, n, o.below); err != nil {
		return err
	}
	keep, err := snapshot.Handovers(ctx, n.store)
	if err != nil {
		return snapshotError(err)
	}
	if err := n.store.Prune(ctx, o.below, keep); err != nil {
		return snapshotError(err)
	}
	applied, _, err := n.store.Applied(ctx)
	if err != nil {
		return snapshotError(err)
	}
	if o.json {
		return printJSON(out, pruneResult{Floor: applied.Floor, Height: applied.Height, Kept: len(keep)})
	}
	say(out, "kept are blocks %d to %d, and the ends of %d epochs", applied.Floor, applied.Height, len(keep))
	return nil
}

// pruneHeight refuses a height that is not final: below it nothing could be
// proven any more.
func pruneHeight(ctx context.Context, n *nodeStore, height uint64) error {
	newest, err := snapshot.Newest(ctx, n.trust, n.store)
	if err != nil {
		return snapshotError(err)
	}
	if height > newest {
		return &exitError{code: exitNo, err: fmt.Errorf("block %d is not final here, the newest that is has height %d", height, newest)}
	}
	_, err = snapshot.Prove(ctx, n.trust, n.store, height, func(store.Row) {})
	return snapshotError(err)
}
