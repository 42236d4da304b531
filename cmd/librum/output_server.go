package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/internal/durable"
)

// The defaults of the flags that say which node to ask.
const (
	defaultServer    = "http://127.0.0.1:8080"
	defaultTokenFile = "./librum-dev/token" //nolint:gosec // a path
	envServer        = "LIBRUM_SERVER"
	envTokenFile     = "LIBRUM_TOKEN_FILE" //nolint:gosec // a name
	maxTokenBytes    = 4 << 10
)

// serverFlags are the flags of every command that asks a node.
type serverFlags struct {
	server    string
	tokenFile string
	ca        string
	crl       string
	plain     bool
	json      bool

	chain ledger.Digest // that a server's certificate must be for, where it says; zero: any
}

// addServerFlags gives a command and its subcommands the flags.
func addServerFlags(cmd *cobra.Command) *serverFlags {
	f := addAddressFlags(cmd)
	cmd.PersistentFlags().StringVar(&f.tokenFile, "token-file", "", "file with the bearer token (default $"+envTokenFile+", else "+defaultTokenFile+" if it exists)")
	return f
}

// addAddressFlags gives them to commands that need no token.
func addAddressFlags(cmd *cobra.Command) *serverFlags {
	f := &serverFlags{}
	cmd.PersistentFlags().StringVar(&f.server, "server", "", "URL of a node (default $"+envServer+", else "+defaultServer+")")
	cmd.PersistentFlags().StringVar(&f.ca, "ca", "", "PEM file of those who may vouch for an https server (default the system's)")
	cmd.PersistentFlags().StringVar(&f.crl, "crl", "", "PEM file of the certificates that those of --ca have revoked")
	cmd.PersistentFlags().BoolVar(&f.plain, "insecure-http", false, "allow http:// to a server on another machine: whoever sits between reads the token")
	cmd.PersistentFlags().BoolVar(&f.json, "json", false, "print one JSON object on the last line")
	return f
}

// How often a request is repeated: a command that asks once says soon that
// nobody is there; one that follows outlives a node's restart.
const (
	retriesOnce   = 2
	retriesFollow = 8 // half a minute
)

// open returns a client of the node that flags and environment name.
func (f *serverFlags) open() (*client.Client, error) { return f.connect(retriesOnce) }

func (f *serverFlags) connect(retries int) (*client.Client, error) {
	token, err := f.token()
	if err != nil {
		return nil, &exitError{code: exitUsage, err: err}
	}
	return f.dial(token, client.Options{Retries: retries})
}

// connectAs returns a client that needs no token: it acts with a member's key.
func (f *serverFlags) connectAs(who *client.Identity, retries int) (*client.Client, error) {
	return f.dial("", client.Options{Retries: retries, Identity: who})
}

func (f *serverFlags) dial(token string, options client.Options) (*client.Client, error) {
	if err := f.trust(&options); err != nil {
		return nil, wrongUse(err)
	}
	options.PlainHTTP = f.plain
	c, err := client.New(first(f.server, os.Getenv(envServer), defaultServer), token, options)
	if err != nil {
		return nil, refusedPlain(err)
	}
	return c, nil
}

// refusedPlain is the error of a client that can't be made, with what to do.
func refusedPlain(err error) error {
	if errors.Is(err, client.ErrPlainHTTP) {
		err = fmt.Errorf("%w, or --insecure-http if nobody sits between", err)
	}
	return wrongUse(err)
}

// token reads the token; without a file at the default place there is none.
func (f *serverFlags) token() (string, error) {
	path := first(f.tokenFile, os.Getenv(envTokenFile))
	optional := path == ""
	if optional {
		path = defaultTokenFile
	}
	b, err := readSecret(path, maxTokenBytes)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// trust reads the files of --ca and --crl. Without them the system's roots
// count; a certificate for another chain is refused all the same.
func (f *serverFlags) trust(options *client.Options) error {
	v := &cert.Verifier{Chain: f.chain}
	options.VerifyConnection = v.VerifyConnection(time.Now)
	if f.ca == "" {
		if f.crl != "" {
			return errors.New("--crl goes with --ca, whose authorities sign it")
		}
		return nil
	}
	b, err := durable.ReadFile(f.ca, cert.MaxFileBytes)
	if err != nil {
		return fmt.Errorf("--ca: %w", err)
	}
	if v.Roots, err = cert.ParseCertificates(b); err != nil {
		return fmt.Errorf("--ca: %s: %w", f.ca, err)
	}
	options.Roots = x509.NewCertPool()
	for _, c := range v.Roots {
		options.Roots.AddCert(c)
	}
	if f.crl == "" {
		return nil
	}
	if b, err = durable.ReadFile(f.crl, cert.MaxListBytes); err != nil {
		return fmt.Errorf("--crl: %w", err)
	}
	if v.Revoked, err = cert.ParseRevoked(b, v.Roots); err != nil {
		return fmt.Errorf("--crl: %s: %w", f.crl, err)
	}
	return nil
}

// absent refuses a path where something is.
func absent(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s is there already", path), err)
	}
	return nil
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// answered gives an error of the client its exit code: refused is no, a
// request that was wrong by itself is wrong use, and what could not be asked
// or found could not be told.
func answered(err error) error {
	var coded *exitError
	var p *client.Problem
	switch {
	case err == nil, errors.As(err, &coded):
		return err
	case errors.Is(err, context.Canceled):
		return &exitError{code: exitUnknown, err: errors.New("interrupted")}
	case !errors.As(err, &p):
		return &exitError{code: exitUnknown, err: fmt.Errorf("%w; is the node running there (--server, $%s)?", err, envServer)}
	case p.Status == http.StatusUnauthorized:
		return &exitError{code: exitUsage, err: fmt.Errorf("%w; give it with --token-file or $%s", err, envTokenFile)}
	case p.Code() == "bad_spec", p.Code() == "invalid", p.Code() == "bad_request":
		return &exitError{code: exitUsage, err: err}
	case p.Status == http.StatusNotFound, p.Status == http.StatusTooManyRequests, p.Status >= http.StatusInternalServerError:
		return &exitError{code: exitUnknown, err: err}
	}
	return &exitError{code: exitNo, err: err}
}

// oneArgument refuses any number of arguments but one.
func oneArgument(name string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return &exitError{code: exitUsage, err: fmt.Errorf("%d arguments given, want one: %s", len(args), name)}
		}
		return nil
	}
}

// noArguments refuses any.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return wrongUse(fmt.Errorf("unexpected argument %q", args[0]))
	}
	return nil
}

// chooseSubcommand is what a command does that has only subcommands.
func chooseSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return wrongUse(fmt.Errorf("no command %q; see %s --help", args[0], cmd.CommandPath()))
	}
	cmd.SetOut(cmd.ErrOrStderr())
	if err := cmd.Help(); err != nil {
		return err
	}
	return &exitError{code: exitUsage}
}

// wrongUse marks an error of what the user typed.
func wrongUse(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: exitUsage, err: err}
}

// withID makes a command of what is done with the thing whose id is its one
// argument.
func withID(
	flags *serverFlags, run func(cmd *cobra.Command, c *client.Client, id ledger.Digest) error,
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		id, err := ledger.ParseDigest(args[0])
		if err != nil {
			return wrongUse(err)
		}
		c, err := flags.open()
		if err != nil {
			return err
		}
		return run(cmd, c, id)
	}
}
