package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/peer"
	"github.com/librum/librum/internal/durable"
	"github.com/librum/librum/localnet"
)

func newPeerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "peer",
		Short: "Take part in training with data of one's own",
		Example: "  librum peer run --genesis 3f0c… --identity peer.key --data 'csv:rows.csv?label=ill&schema=schema.yaml' --policy policy.yaml\n" +
			"  librum peer pause --genesis 3f0c… --identity peer.key",
		RunE: chooseSubcommand,
	}
	cmd.AddCommand(newPeerRunCommand(), newPeerPauseCommand(), newPeerResumeCommand(), newPeerPolicyCommand())
	return cmd
}

// peerFlags say who a peer is, and on which chain.
type peerFlags struct {
	*serverFlags

	genesis     string
	identity    string
	certificate string
	passphrase  *passphraseFlag
	opened      *identity.Key
}

func addPeerFlags(cmd *cobra.Command) *peerFlags {
	f := &peerFlags{serverFlags: addServerFlags(cmd)}
	cmd.PersistentFlags().Lookup("token-file").Usage = "file with a bearer token of the peer's own (default: none is needed, the peer asks for one with its key)"
	cmd.Flags().StringVar(&f.genesis, "genesis", "", "SHA-256 of the genesis file, learnt from somebody you trust")
	cmd.Flags().StringVar(&f.identity, "identity", "", "file with the peer's private key, or pkcs11: URI of a token's")
	cmd.Flags().StringVar(&f.certificate, "certificate", "", "PEM file with the peer's certificate, which says whose the key is (default: the genesis does, or the ledger as the node knows it)")
	f.passphrase = addPassphraseFlag(cmd.Flags(), "passphrase-file", "the identity")
	return f
}

// seat is a peer's place on a chain.
type seat struct {
	client *client.Client
	config peer.Config // all that follows from identity and genesis
}

// seat finds the peer's place; whatever is wrong with the flags is said before
// a node is asked. It waits for a node that is away if patient.
func (f *peerFlags) seat(ctx context.Context, logger *slog.Logger, patient bool) (*seat, error) {
	anchor, err := ledger.ParseDigest(f.genesis)
	if err != nil {
		return nil, wrongUse(fmt.Errorf("--genesis: %w", err))
	}
	key, err := f.key()
	if err != nil {
		return nil, err
	}
	retries := retriesOnce
	if patient {
		retries = retriesFollow
	}
	f.chain = anchor
	c, err := f.open(key, anchor, retries)
	if err != nil {
		return nil, err
	}
	genesis, err := anchored(ctx, c, anchor, logger, patient)
	if err != nil {
		return nil, err
	}
	id, err := f.member(ctx, c, genesis, anchor, key)
	if err != nil {
		return nil, err
	}
	return &seat{client: c, config: peer.Config{
		ID: id, Key: key, Chain: anchor, Shard: genesis.Shard, Group: genesis.Group,
		Server: localnet.Remote{Client: c}, Now: time.Now, Random: rand.Reader, Logger: logger, Watch: localnet.WatchInterval,
		Kept:     f.identity + ".kept",
		Endpoint: first(f.server, os.Getenv(envServer), defaultServer),
	}}, nil
}

// open returns a client that gets its tokens with the peer's own key, unless a
// file with a token of the peer's is named.
func (f *peerFlags) open(key *identity.Key, chain ledger.Digest, retries int) (*client.Client, error) {
	if f.tokenFile != "" {
		return f.connect(retries)
	}
	return f.connectAs(&client.Identity{Key: key, Chain: chain, Name: "librum peer", Now: time.Now, Random: rand.Reader}, retries)
}

// key opens the identity, once: a passphrase may have to be asked for.
func (f *peerFlags) key() (*identity.Key, error) {
	if f.opened != nil {
		return f.opened, nil
	}
	if f.identity == "" {
		return nil, wrongUse(errors.New("--identity: name the file with the peer's key"))
	}
	key, err := keyfile.Load(f.identity, f.passphrase.ask)
	if err != nil {
		return nil, wrongUse(fmt.Errorf("--identity: %w", err))
	}
	f.opened = key
	return key, nil
}

// member returns whose the identity is: by its certificate, by the genesis, or
// by what the node says that the ledger lists. A node that lies about that gets
// signatures that count for nothing.
func (f *peerFlags) member(ctx context.Context, c *client.Client, genesis *ledger.Genesis, chain ledger.Digest, key *identity.Key) (ledger.ID, error) {
	if f.certificate != "" {
		id, err := f.certified(chain, key)
		return id, wrongUse(err)
	}
	id, missing := localnet.MemberOf(genesis, key)
	if missing == nil {
		return id, nil
	}
	owner, err := c.KeyOwner(ctx, key.ID())
	if p, refused := errors.AsType[*client.Problem](err); refused && p.Status < http.StatusInternalServerError || owner.Delegated {
		return id, wrongUse(fmt.Errorf("%w, and the node knows no other that has it: %w", missing, errors.Join(err)))
	}
	return owner.Member, answered(err)
}

// certified returns whom the certificate names.
func (f *peerFlags) certified(chain ledger.Digest, key *identity.Key) (ledger.ID, error) {
	b, err := durable.ReadFile(f.certificate, cert.MaxFileBytes)
	if err != nil {
		return ledger.ID{}, fmt.Errorf("--certificate: %w", err)
	}
	path, err := cert.ParseCertificates(b)
	if err != nil {
		return ledger.ID{}, fmt.Errorf("--certificate: %w", err)
	}
	id, public, of, err := cert.Identity(path[0])
	switch {
	case err != nil:
		return id, fmt.Errorf("--certificate: %w", err)
	case of != chain:
		return id, fmt.Errorf("--certificate: %w: %s, --genesis says %s", cert.ErrWrongChain, of.Short(), chain.Short())
	case public != key.Public():
		return id, errors.New("--certificate: its key is not that of --identity")
	case time.Now().After(path[0].NotAfter):
		return id, fmt.Errorf("--certificate: %w at %s; ask the authority for a new one", cert.ErrExpired, path[0].NotAfter.Format(time.RFC3339))
	}
	return id, nil
}

// anchored fetches the genesis and checks it against its digest.
func anchored(ctx context.Context, c *client.Client, anchor ledger.Digest, logger *slog.Logger, patient bool) (*ledger.Genesis, error) {
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		b, _, err := c.Genesis(ctx)
		if err == nil {
			genesis, digest, err := ledger.ParseGenesis(b)
			if err == nil && digest != anchor {
				err = fmt.Errorf("the server's chain is %s, --genesis says %s: ask whoever gave you the digest", digest, anchor)
			}
			return genesis, err
		}
		if _, refused := errors.AsType[*client.Problem](err); refused || !patient || ctx.Err() != nil {
			return nil, answered(err)
		}
		logger.Warn("the node does not answer", "rest", wait, "error", err)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// pauseMark is the file that says that a peer is paused. It stands beside the
// identity, so that a pause needs no node to hold, and outlives a restart.
func (f *peerFlags) pauseMark() string { return f.identity + ".paused" }

func (f *peerFlags) paused() bool {
	_, err := os.Stat(f.pauseMark())
	return !errors.Is(err, fs.ErrNotExist) // what cannot be told is a pause
}

func newPeerPauseCommand() *cobra.Command {
	var flags *peerFlags
	cmd := &cobra.Command{
		Use:   "pause",
		Short: "Stop training at once, and record it",
		Long: `Stop training at once: a running peer with this identity ends its work between
two batches, declines the round and takes up none until librum peer resume.
That holds without any node. Then the pause is recorded on the ledger; exit 3
where it could not be, and the running peer records it when it can.`,
		Example: "  librum peer pause --genesis 3f0c… --identity peer.key",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := flags.key(); err != nil {
				return err
			}
			mark, err := durable.OpenFile(flags.pauseMark(), os.O_CREATE|os.O_WRONLY, 0o600)
			if err != nil {
				return fmt.Errorf("pause the peer: %w", err)
			}
			if err := errors.Join(mark.Sync(), mark.Close(), durable.SyncDir(vfs.Default, filepath.Dir(flags.identity))); err != nil {
				return fmt.Errorf("pause the peer: %w", err)
			}
			say(cmd.ErrOrStderr(), "paused on this machine")
			return flags.announce(cmd, false)
		},
	}
	flags = addPeerFlags(cmd)
	return cmd
}

func newPeerResumeCommand() *cobra.Command {
	var flags *peerFlags
	cmd := &cobra.Command{
		Use:     "resume",
		Short:   "Take part again after a pause, and record it",
		Example: "  librum peer resume --genesis 3f0c… --identity peer.key",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := flags.key(); err != nil {
				return err
			}
			if err := os.Remove(flags.pauseMark()); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("resume the peer: %w", err)
			}
			return flags.announce(cmd, true)
		},
	}
	flags = addPeerFlags(cmd)
	return cmd
}

// announce records on the ledger whether the peer takes part.
func (f *peerFlags) announce(cmd *cobra.Command, available bool) error {
	s, err := f.seat(cmd.Context(), slog.New(slog.DiscardHandler), false)
	if err == nil {
		defer s.client.Close()
		err = answered(peer.New(s.config).Register(cmd.Context(), available))
	}
	if coded, ok := errors.AsType[*exitError](err); ok {
		return &exitError{code: coded.code, err: fmt.Errorf("not recorded on the ledger: %w", coded.err)}
	}
	if err != nil {
		return fmt.Errorf("not recorded on the ledger: %w", err)
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), struct {
			Peer      ledger.ID `json:"peer"`
			Available bool      `json:"available"`
		}{s.config.ID, available})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "recorded: peer %s, available: %t\n", s.config.ID, available)
	return err
}
