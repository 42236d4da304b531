package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/localnet"
	"github.com/librum/librum/localnet/doctor"
)

type doctorOptions struct {
	serverFlags

	dir     string
	config  string
	genesis string
}

func newDoctorCommand() *cobra.Command {
	o := &doctorOptions{}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what keeps a network from working well, or soon will",
		Long: `Look at a directory (--dir), at a node by its configuration (--config) together
with the engines that it names, at a running node (--server), or at all: clocks,
expiry of certificates and keys, versions, space, rights, limits, the last stop,
how far nodes are behind, who diverged or is suspended. Each line is ok, warn,
unknown or bad, with what to do. Nothing is changed.

Exit 0 where nothing is bad, 1 where something is, 3 where it could not be told.`,
		Example: "  librum doctor --dir librum-dev\n" +
			"  librum doctor --config node.yaml\n" +
			"  librum doctor --server https://node.example:8443 --token-file token --ca ca.pem",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.dir, "dir", "", "directory of a network (default librum-dev, unless --config or --server is given)")
	flags.StringVar(&o.config, "config", "", "configuration of a node")
	flags.StringVar(&o.server, "server", "", "URL of a running node")
	flags.StringVar(&o.tokenFile, "token-file", "", "file with the bearer token (default $"+envTokenFile+", else "+defaultTokenFile+" if it exists)")
	flags.StringVar(&o.ca, "ca", "", "PEM file of those who may vouch for an https server (default the system's)")
	flags.StringVar(&o.crl, "crl", "", "PEM file of the certificates that those of --ca have revoked")
	flags.BoolVar(&o.plain, "insecure-http", false, "allow http:// to a server on another machine: whoever sits between reads the token")
	flags.StringVar(&o.genesis, "genesis", "", "the genesis file, or its digest, that the node must have")
	flags.BoolVar(&o.json, "json", false, "print one JSON object on the last line")
	return cmd
}

// doctorResult is what doctor prints with --json.
type doctorResult struct {
	OK      bool          `json:"ok"`
	State   doctor.State  `json:"state"` // the worst
	Version string        `json:"version"`
	Checks  doctor.Checks `json:"checks"`
}

func (o *doctorOptions) run(ctx context.Context, out io.Writer) error {
	anchors, err := (&verifyOptions{genesis: o.genesis}).anchors()
	if err != nil {
		return wrongUse(err)
	}
	if o.dir == "" && o.server == "" && o.config == "" {
		o.dir = "librum-dev"
	}
	checks := doctor.Checks{{
		Name: "version", State: doctor.OK,
		Message: fmt.Sprintf("librum %s, %s %s/%s, protocol version %d", version, runtime.Version(), runtime.GOOS, runtime.GOARCH, ledger.Version),
	}}
	var missing error
	if o.dir != "" {
		found, err := doctor.Dir(ctx, localnet.Dir(o.dir), time.Now())
		checks, missing = append(checks, found...), errors.Join(missing, err)
	}
	if o.config != "" {
		found, err := doctor.Config(ctx, o.config, time.Now(), os.Environ())
		checks, missing = append(checks, found...), errors.Join(missing, err)
	}
	if o.server != "" {
		found, err := o.askServer(ctx, anchors.Genesis)
		if coded, ok := errors.AsType[*exitError](err); ok && coded.code == exitUsage {
			return err
		}
		checks, missing = append(checks, found...), errors.Join(missing, err)
	}
	if missing != nil {
		checks = append(checks, doctor.Check{Name: "reach", State: doctor.Unknown, Message: missing.Error(), Fix: "see that the network is there and runs"})
	}
	result := doctorResult{State: checks.Worst(), Version: version, Checks: checks}
	result.OK = result.State == doctor.OK || result.State == doctor.Warn
	if o.json {
		err = printJSON(out, result)
	} else {
		err = printChecks(out, checks)
	}
	if err != nil {
		return err
	}
	switch result.State { //nolint:exhaustive // the others are fine
	case doctor.Bad:
		return &exitError{code: exitNo}
	case doctor.Unknown:
		return &exitError{code: exitUnknown}
	}
	return nil
}

func (o *doctorOptions) askServer(ctx context.Context, genesis ledger.Digest) (doctor.Checks, error) {
	o.chain = genesis
	options := client.Options{Retries: retriesOnce, PlainHTTP: o.plain}
	if err := o.trust(&options); err != nil {
		return nil, wrongUse(err)
	}
	token, err := o.token()
	if errors.Is(err, os.ErrNotExist) {
		return nil, wrongUse(err)
	}
	if err != nil {
		return nil, &exitError{code: exitUnknown, err: err}
	}
	c, err := client.New(o.server, token, options)
	if err != nil {
		return nil, refusedPlain(err)
	}
	defer c.Close()
	return doctor.Server(ctx, doctor.Target{URL: o.server, Roots: options.Roots, Client: c, Genesis: genesis}, time.Now)
}

func printChecks(out io.Writer, checks doctor.Checks) error {
	t := newTable(out)
	for _, c := range checks {
		t.row(string(c.State), c.Name, c.Message)
		if c.Fix != "" {
			t.row("", "", "→ "+c.Fix)
		}
	}
	return t.Flush()
}
