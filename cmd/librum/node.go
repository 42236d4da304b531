package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/fullnode/config"
	"github.com/librum/librum/fullnode/process"
)

type nodeOptions struct {
	config     string
	passphrase *passphraseFlag
	json       bool
}

func newNodeCommand() *cobra.Command {
	o := &nodeOptions{}
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Run one node of a network until it is stopped",
		Long: `Run one node: gateway, execution, grouping, store, coordinator of jobs and door,
over the engines that the configuration names. Engines must answer when it
starts; later it waits for them. SIGTERM stops it cleanly. Exit 1 where it must
not go on, over another log than the one it executed for one, 3 where an engine
did not answer at the start.

librum config defaults prints a configuration with all that it may say; a
variable of the environment overrides a field (` + config.EnvPrefix + `DOOR__LISTEN). How a
network of several organisations begins: docs/cluster.md.`,
		Example: "  librum node --config node.yaml\n" +
			"  " + config.EnvPrefix + "MESH__ADVERTISE=$POD_IP:7443 librum node --config node.yaml --json",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.config, "config", "", "file with the node's configuration")
	flags.BoolVar(&o.json, "json", false, "print one JSON object once the node listens")
	o.passphrase = addPassphraseFlag(flags, "passphrase-file", "an encrypted key")
	return cmd
}

// nodeStart is what node prints once it listens.
type nodeStart struct {
	Node    ledger.ID     `json:"node"`
	Genesis ledger.Digest `json:"genesis"`
	URL     string        `json:"url"`
	Order   string        `json:"order"` // drivers
	Store   string        `json:"store"`
	Blob    string        `json:"blob"`
}

func (o *nodeOptions) run(ctx context.Context, out, log io.Writer) (err error) {
	if o.config == "" {
		return wrongUse(errors.New("--config: name the file with the node's configuration; librum config defaults prints one"))
	}
	c, err := config.Load(o.config, os.Environ())
	if err != nil {
		return wrongUse(err)
	}
	logger := newLogger(log, &c.Log)
	o.passphrase.file = first(o.passphrase.file, c.PassphraseFile)
	p, err := process.Open(ctx, c, process.Options{Logger: logger, Ask: o.passphrase.ask})
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // stopped while it opened
	case errors.Is(err, process.ErrConfig):
		return wrongUse(err)
	case err != nil:
		return ended(&exitError{code: exitUnknown, err: err})
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	start := nodeStart{Node: p.ID(), Genesis: p.Chain, URL: p.URL, Order: c.Order.Driver, Store: c.Store.Driver, Blob: c.Blob.Driver}
	if o.json {
		if err := printJSON(out, start); err != nil {
			return err
		}
	} else {
		say(out, "node %s", start.Node)
		say(out, "genesis %s", start.Genesis)
		say(out, "order %s, store %s, blobs %s", start.Order, start.Store, start.Blob)
		say(out, "listening at %s", start.URL)
	}
	return ended(p.Run(ctx))
}

// ended returns what a node ends with: one that must not go on over the log that it
// found says so.
func ended(err error) error {
	if errors.Is(err, order.ErrTrimmed) {
		return &exitError{code: exitNo, err: fmt.Errorf("%w. This node still needs them: have another node make a snapshot (librum snapshot create) "+
			"and restore it here (librum snapshot restore); docs/order.md says what may be trimmed", err)}
	}
	for _, lost := range []error{node.ErrLogRewritten, order.ErrCorrupt} {
		if errors.Is(err, lost) {
			return &exitError{code: exitNo, err: fmt.Errorf("%w. The node goes on over no other log: compare with the other nodes; docs/runbooks/damage.md says more", err)}
		}
	}
	return err
}

// newLogger returns the log of a process as its configuration wants it.
func newLogger(out io.Writer, c *config.Log) *slog.Logger {
	level := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}[c.Level]
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}
