package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/snapshot"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/fullnode/config"
	"github.com/librum/librum/fullnode/process"
	"github.com/librum/librum/localnet"
)

func newSnapshotCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Carry the state of a stopped node to another, and forget old blocks",
		Example: "  librum snapshot create --dir dev-data --node 1 --out state.snapshot\n" +
			"  librum snapshot restore --config node.yaml --genesis DIGEST --in state.snapshot\n" +
			"  librum snapshot prune --config node.yaml --below 100000",
		Args: cobra.ArbitraryArgs, RunE: chooseSubcommand,
	}
	cmd.AddCommand(newSnapshotCreateCommand(), newSnapshotRestoreCommand(), newSnapshotPruneCommand())
	return cmd
}

// storeFlags name the store of a node that does not run.
type storeFlags struct {
	dir        string
	node       int
	config     string
	passphrase *passphraseFlag
	json       bool
}

func addStoreFlags(flags *pflag.FlagSet) *storeFlags {
	f := &storeFlags{}
	flags.StringVar(&f.dir, "dir", "", "directory of a stopped network")
	flags.IntVar(&f.node, "node", 0, "with --dir: which of its nodes")
	flags.StringVar(&f.config, "config", "", "configuration of a stopped node, in place of --dir")
	flags.BoolVar(&f.json, "json", false, "print one JSON object on the last line")
	f.passphrase = addPassphraseFlag(flags, "passphrase-file", "an encrypted key")
	return f
}

// nodeStore is the store of a node that does not run.
type nodeStore struct {
	trust snapshot.Trust
	store store.Store
	dir   fullnode.Dir
	close func() error
	// where names the store, empty says how to get an empty one in its place.
	where, empty string
}

// access says what is done with a store.
type access int

const (
	toRead  access = iota
	toWrite        // one that is there
	toMake
)

// open opens the store that the flags name.
func (f *storeFlags) open(ctx context.Context, how access) (*nodeStore, error) {
	if (f.dir == "") == (f.config == "") {
		return nil, wrongUse(errors.New("name the node by --dir and --node, or by --config"))
	}
	n, err := f.openStore(ctx, how)
	switch {
	case errors.Is(err, process.ErrConfig):
		return nil, wrongUse(err)
	case err != nil:
		return nil, &exitError{code: exitUnknown, err: err}
	}
	n.trust.Verify = identity.NewVerifier(fullnode.VerifierKeys).Verify
	return n, nil
}

func (f *storeFlags) openStore(ctx context.Context, how access) (*nodeStore, error) {
	if f.config != "" {
		c, err := config.Load(f.config, os.Environ())
		if err != nil {
			return nil, fmt.Errorf("%w: %w", process.ErrConfig, err)
		}
		f.passphrase.file = first(f.passphrase.file, c.PassphraseFile)
		s, err := process.OpenStopped(ctx, c, process.Options{Logger: slog.New(slog.DiscardHandler), Ask: f.passphrase.ask})
		if err != nil {
			return nil, err
		}
		return &nodeStore{
			trust: snapshot.Trust{Genesis: s.Genesis, Chain: s.Chain}, store: s.Store, dir: s.Dir, close: s.Close, where: s.Where, empty: s.Empty,
		}, nil
	}
	dir := localnet.Dir(f.dir)
	g, chain, err := dir.LoadGenesis()
	if err != nil {
		return nil, err
	}
	n := &nodeStore{
		trust: snapshot.Trust{Genesis: g, Chain: chain}, dir: fullnode.Dir(dir.Node(f.node)),
		where: "the store in " + dir.Store(f.node), empty: "move it aside",
	}
	if how == toRead {
		s, err := pebble.Open(dir.Store(f.node), pebble.Options{Chain: chain, Shard: g.Shard, ReadOnly: true})
		if errors.Is(err, store.ErrLocked) {
			err = fmt.Errorf("%w: %w", localnet.ErrRunning, err)
		}
		if err != nil {
			return nil, err
		}
		n.store, n.close = s, s.Close
		return n, nil
	}
	if how == toWrite {
		if _, err := os.Stat(dir.Store(f.node)); err != nil {
			return nil, err
		}
	}
	if n.store, err = localnet.OpenStore(dir, f.node, g, chain); err != nil {
		return nil, err
	}
	n.close = n.store.Close
	return n, nil
}

// snapshotResult is what the commands print with --json.
type snapshotResult struct {
	Height  uint64        `json:"height"`
	Header  ledger.Digest `json:"chain_hash"`
	LogTime int64         `json:"log_time"`
	Epoch   uint64        `json:"epoch"`
	Next    uint64        `json:"next_offset"`
	Rows    uint64        `json:"rows"`
	Bytes   int64         `json:"bytes"`
	File    string        `json:"file"`
}

// print says what a snapshot holds.
func (f *storeFlags) print(out io.Writer, done string, info *snapshot.Info, file string) error {
	if f.json {
		return printJSON(out, snapshotResult{
			Height: info.Height, Header: info.Header, LogTime: info.LogTime, Epoch: info.Epoch, Next: info.Next,
			Rows: info.Rows, Bytes: info.Bytes, File: file,
		})
	}
	say(out, "%s %s: %d rows, %d bytes", done, file, info.Rows, info.Bytes)
	say(out, "chain hash %s at height %d, epoch %d, log time %s", info.Header, info.Height, info.Epoch, logTime(info.LogTime))
	say(out, "the next record is %d of topic %s", info.Next, info.Topic)
	return nil
}

// snapshotError gives the exit code: what is not proven or damaged is a no.
func snapshotError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, snapshot.ErrUnproven) || errors.Is(err, snapshot.ErrMalformed) {
		return &exitError{code: exitNo, err: err}
	}
	return &exitError{code: exitUnknown, err: err}
}

// rowProgress says how many rows are done, a line a second at most.
func rowProgress(out io.Writer, what string) snapshot.Progress {
	next := time.Now().Add(time.Second)
	return func(rows uint64) {
		if now := time.Now(); now.After(next) {
			next = now.Add(time.Second)
			say(out, "%s: %d rows", what, rows)
		}
	}
}
