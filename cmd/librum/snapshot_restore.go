package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
	"github.com/librum/librum/chain/snapshot"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/internal/durable"
)

type snapshotRestoreOptions struct {
	*storeFlags

	in      string
	genesis string
	above   uint64
}

func newSnapshotRestoreCommand() *cobra.Command {
	o := &snapshotRestoreOptions{}
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Fill an empty store from a snapshot that a quorum vouches for",
		Long: `Fill the empty store of a stopped node from a snapshot. The file is believed only
where a quorum of a group that the genesis leads to signed its header, and its
rows have the commitment of that header; it is checked whole before anything is
written. The node then follows the log from there.

A node that signed headers which differ from the quorum's must never sign other
ones at those heights: that is evidence against it. Where diverged.cbor lies in
its directory, --above names the height at which the store stood that is
replaced, and a snapshot from below is refused. See
docs/runbooks/diverged.md.

Exit 0 where the store is filled, 1 where the snapshot is not to be believed, 3
where the node runs, or its store is not empty or was not wholly restored: move
that store aside, or name another keyspace.`,
		Example: "  librum snapshot restore --config node.yaml --genesis $DIGEST --in state.snapshot\n" +
			"  librum snapshot restore --dir dev-data --node 2 --genesis $DIGEST --in state.snapshot --above 41",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.storeFlags = addStoreFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.in, "in", "", "the snapshot")
	cmd.Flags().StringVar(&o.genesis, "genesis", "", "digest of the genesis file, kept elsewhere")
	cmd.Flags().Uint64Var(&o.above, "above", 0, "lowest height of the snapshot: that of the store it replaces")
	return cmd
}

func (o *snapshotRestoreOptions) run(ctx context.Context, out, log io.Writer) (err error) {
	if o.in == "" {
		return wrongUse(errors.New("--in: name the snapshot"))
	}
	anchor, err := parseAnchor(o.genesis)
	if err != nil {
		return wrongUse(fmt.Errorf("--genesis: give the digest of the genesis file that you keep elsewhere: %w", err))
	}
	f, err := durable.OpenFile(o.in, 0, 0)
	if err != nil {
		return &exitError{code: exitUnknown, err: err}
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	n, err := o.open(ctx, toMake)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	if n.trust.Chain != anchor {
		return &exitError{code: exitNo, err: fmt.Errorf("the genesis file here has digest %s, --genesis says %s", n.trust.Chain, anchor)}
	}
	if err := o.room(ctx, n); err != nil {
		return err
	}
	info, err := snapshot.Check(ctx, n.trust, f, rowProgress(log, "checked"))
	if err != nil {
		return snapshotError(err)
	}
	if info.Height < o.above {
		return &exitError{code: exitNo, err: fmt.Errorf("the snapshot is of height %d, want %d or above: the node signed headers up to there; take a newer one",
			info.Height, o.above)}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return &exitError{code: exitUnknown, err: err}
	}
	if info, err = snapshot.Restore(ctx, n.trust, f, n.store, rowProgress(log, "restored")); err != nil {
		return snapshotError(err)
	}
	return o.print(out, "restored", &info, o.in)
}

// room wants an empty store, and for a node that diverged the height that it
// must not fall behind.
func (o *snapshotRestoreOptions) room(ctx context.Context, n *nodeStore) error {
	applied, ok, err := n.store.Applied(ctx)
	if err != nil {
		return &exitError{code: exitUnknown, err: err}
	}
	if ok {
		return &exitError{code: exitUnknown, err: fmt.Errorf(
			"%s holds blocks up to height %d, and a snapshot goes into an empty one only: %s; where the node diverged, restore with --above %d",
			n.where, applied.Height, n.empty, applied.Height)}
	}
	diverged, err := divergedAt(n.dir)
	if err != nil {
		return &exitError{code: exitUnknown, err: err}
	}
	if diverged > o.above {
		return wrongUse(fmt.Errorf("--above: the node diverged at height %d (%s): name the height at which the store stood that is replaced; "+
			"restoring into it tells", diverged, n.dir.Diverged()))
	}
	return nil
}

// maxEvidenceBytes bounds what is read: two headers and a group's signatures.
const maxEvidenceBytes = 1 << 20

// divergedAt returns the height of the evidence in a node's directory, 0 for
// none.
func divergedAt(dir fullnode.Dir) (uint64, error) {
	b, err := durable.ReadFile(dir.Diverged(), maxEvidenceBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var d lokka.Divergence
	if err := ledger.Decode("evidence of a divergence", b, maxEvidenceBytes, &d); err != nil {
		return 0, fmt.Errorf("read %s: %w", dir.Diverged(), err)
	}
	return d.Height, nil
}
