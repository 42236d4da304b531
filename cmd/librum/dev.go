package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/localnet"
)

// devSeed splits the digits among the peers of a development network.
const devSeed = 1

type devOptions struct {
	*doorFlags

	passphrase *passphraseFlag

	dir    string
	peers  int
	extern int
	held   float64

	peersSet bool // asked for, not the default
}

func newDevCommand() *cobra.Command {
	o := &devOptions{}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run a local network with peers until it is stopped",
		Long: `Run what the demo runs, left running: four nodes over one embedded log and
peers that have the digits. A directory that holds a network is taken up where
it was left. Keys are random; whoever can read the directory has them.`,
		Example: "  librum dev --dir ./librum-dev --listen 127.0.0.1:8080\n" +
			"  librum dev --tls\n" +
			"  librum dev --listen 0.0.0.0:8443 --tls-cert server.pem --tls-key server.key\n" +
			"  librum dev --peers 0 --external-peers 3",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.peersSet = cmd.Flags().Changed("peers")
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.doorFlags = addDoorFlags(cmd)
	o.passphrase = addPassphraseFlag(cmd.Flags(), "passphrase-file", "encrypted keys")
	flags := cmd.Flags()
	flags.StringVar(&o.dir, "dir", "librum-dev", "directory of the network")
	flags.IntVar(&o.peers, "peers", 10, "peers of a new network that run in this process")
	flags.Float64Var(&o.held, "hold-out", 0, "share of its rows that each peer in this process holds out, for jobs with fraction_evaluate")
	flags.IntVar(&o.extern, "external-peers", 0, "peers of a new network that run elsewhere, by librum peer run; their keys are left in DIR/peers")
	return cmd
}

func (o *devOptions) run(ctx context.Context, out, log io.Writer) (err error) {
	if o.peers < 0 || o.peers > 100 || o.extern < 0 || o.extern > 100 || o.peers+o.extern == 0 || o.dir == "" {
		return wrongUse(errors.New("--peers and --external-peers are 0 to 100, not both 0; --dir is not empty"))
	}
	if !(o.held >= 0 && o.held < 1) {
		return wrongUse(fmt.Errorf("--hold-out: %g: want a share of 0 up to but not 1", o.held))
	}
	logger := slog.New(slog.NewTextHandler(log, nil))
	at, err := o.open(ctx, o.passphrase.ask, logger)
	if err != nil {
		return err
	}
	dir := localnet.Dir(o.dir)
	if err := o.create(dir, log); err != nil {
		return &exitError{code: exitUnknown, err: errors.Join(err, at.close())}
	}
	if o.tls {
		if err := o.certifySelf(ctx, at, dir, logger); err != nil {
			return errors.Join(err, at.close())
		}
	}
	r, running, err := runNetwork(ctx, dir, at, devSeed, localnet.Options{Logger: logger, Ask: o.passphrase.ask, HoldOut: o.held})
	if err != nil {
		if ctx.Err() != nil {
			return nil // stopped while it opened
		}
		return &exitError{code: exitUnknown, err: err}
	}
	defer func() { err = errors.Join(err, r.close()) }()
	say(out, "listening at %s", at.base())
	say(out, "token in %s", dir.Token())
	if _, err := os.Stat(dir.ExternalKey(0)); err == nil {
		say(out, "keys of external peers: %s and on", dir.ExternalKey(0))
	}
	if o.tls {
		say(out, "certificates to trust: %s", filepath.Join(o.dir, "ca", "ca.pem"))
	}
	say(out, "genesis %s", r.Chain)
	<-running.Done()
	return nil
}

// certifySelf has the door speak TLS with a certificate of the network's own
// authority.
func (o *devOptions) certifySelf(ctx context.Context, at *door, dir localnet.Dir, logger *slog.Logger) error {
	certPath, keyPath, err := certify(ctx, dir, o.passphrase)
	if err == nil {
		err = at.speakTLS(certPath, keyPath, o.passphrase.ask, logger)
	}
	if err != nil {
		return fmt.Errorf("certify the server: %w", err)
	}
	return nil
}

// create makes the network where there is none.
func (o *devOptions) create(dir localnet.Dir, log io.Writer) error {
	var seed [32]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return fmt.Errorf("draw the keys: %w", err)
	}
	spec := localnet.Spec{Nodes: demoNodes, Peers: o.peers, External: o.extern, Time: time.Now()}
	err := localnet.Create(dir, localnet.SecretsFrom(seed), spec)
	if !errors.Is(err, localnet.ErrExists) {
		return err
	}
	have, err := dir.CountPeers()
	if err == nil && o.peersSet && have != o.peers {
		say(log, "the network of %s has %d peers; --peers is for a new one", dir, have)
	}
	return err
}
