package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/snapshot"
	"github.com/librum/librum/internal/durable"
)

type snapshotCreateOptions struct {
	*storeFlags

	height uint64
	out    string
}

func newSnapshotCreateCommand() *cobra.Command {
	o := &snapshotCreateOptions{}
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Write the state after a block into a file",
		Long: `Write the state of a stopped node after a block into a file, with the block, its
quorum's signatures and the trail of groups that leads to them from the genesis.
Whoever has the genesis digest can check the file; it holds no secrets beyond
what every node of the shard can read. The state is checked against the header
while it is written.

Exit 0 where the file is there, 1 where the node's state is damaged or no quorum
signed the block, 3 where the node runs, is missing or has pruned the height.`,
		Example: "  librum snapshot create --dir dev-data --node 1 --out state.snapshot\n" +
			"  librum snapshot create --config node.yaml --height 1200 --out state.snapshot --json",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.storeFlags = addStoreFlags(cmd.Flags())
	cmd.Flags().Uint64Var(&o.height, "height", 0, "height of the block; 0: the newest with a quorum")
	cmd.Flags().StringVar(&o.out, "out", "", "file to write; it must not be there")
	return cmd
}

func (o *snapshotCreateOptions) run(ctx context.Context, out, log io.Writer) (err error) {
	if o.out == "" {
		return wrongUse(errors.New("--out: name the file to write"))
	}
	if _, err := os.Lstat(o.out); err == nil {
		return wrongUse(fmt.Errorf("--out: %s is there already; name another file", o.out))
	}
	n, err := o.open(ctx, toRead)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	height := o.height
	if height == 0 {
		if height, err = snapshot.Newest(ctx, n.trust, n.store); err != nil {
			return snapshotError(err)
		}
	}
	var info snapshot.Info
	err = writeNew(o.out, func(w io.Writer) error {
		info, err = snapshot.Create(ctx, n.trust, n.store, height, w, rowProgress(log, "written"))
		return err
	})
	if err != nil {
		return snapshotError(err)
	}
	return o.print(out, "wrote", &info, o.out)
}

// writeNew makes a file durably, whole or not at all.
func writeNew(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	buffered := bufio.NewWriterSize(f, 1<<20)
	err = write(buffered)
	if err == nil {
		err = errors.Join(buffered.Flush(), f.Sync())
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil { // not Rename: it would replace what came meanwhile
		return err
	}
	return durable.SyncDir(vfs.Default, filepath.Dir(path))
}
