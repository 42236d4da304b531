package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/cert"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
)

type identityRequestOptions struct {
	*serverFlags

	genesis      *string
	identity     string
	organisation string
	kind         string
	id           string
	dns          []string
	ips          []string
	output       string
	passphrase   *passphraseFlag
}

func newIdentityRequestCommand(server *serverFlags, genesis *string) *cobra.Command {
	o := &identityRequestOptions{serverFlags: server, genesis: genesis}
	cmd := &cobra.Command{
		Use:   "request",
		Short: "Make a key, and ask an organisation to enrol and certify it",
		Long: `Make a request for a certificate: PKCS #10, signed by the key, which also signs
for the ledger that it is to be this member's in this organisation. The key is
made where its file is missing, encrypted if there is a passphrase. No node is
asked. Give the request to an officer of the organisation, who enrols it with
librum ca enroll. A member's id is drawn at random; to renew a certificate, give
the id it has.`,
		Example: "  librum identity request --identity key --genesis 3f0c… --organisation 7c1e… -o request.pem\n" +
			"  librum identity request --kind server --dns node.example.org --identity server.key --genesis 3f0c… --organisation 7c1e… -o server.csr",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.identity, "identity", "", "file of the key, made if it is missing, or pkcs11: URI of a token's")
	flags.StringVar(&o.organisation, "organisation", "", "id of the organisation that is asked")
	flags.StringVar(&o.kind, "kind", string(cert.KindMember), "what the certificate is for: member, node or server (of TLS)")
	flags.StringVar(&o.id, "id", "", "id of the member or node, if it has one")
	flags.StringSliceVar(&o.dns, "dns", nil, "DNS names of a node or server")
	flags.StringSliceVar(&o.ips, "ip", nil, "addresses of a node or server")
	flags.StringVarP(&o.output, "output", "o", "", "file for the request (default standard output)")
	o.passphrase = addPassphraseFlag(flags, "passphrase-file", "the key")
	return cmd
}

func (o *identityRequestOptions) run(cmd *cobra.Command) error {
	request, err := o.request()
	if err != nil {
		return wrongUse(err)
	}
	key, err := openOrMake(o.identity, o.passphrase)
	if err != nil {
		return wrongUse(err)
	}
	text, err := request.MarshalRequest(key)
	if err != nil {
		return wrongUse(err)
	}
	if o.output == "" && !o.json {
		_, err := cmd.OutOrStdout().Write(text)
		return err
	}
	if o.output != "" {
		if err := os.WriteFile(o.output, text, 0o644); err != nil { //nolint:gosec // nothing in it is secret
			return fmt.Errorf("write the request: %w", err)
		}
	}
	if o.json {
		return printJSON(cmd.OutOrStdout(), struct {
			ID      ledger.ID     `json:"id,omitzero"`
			Key     ledger.Digest `json:"key"`
			Request string        `json:"request"`
		}{request.ID, key.ID(), string(text)})
	}
	say(cmd.OutOrStdout(), "request of %s %s in %s", request.Kind, request.ID, o.output)
	return nil
}

func (o *identityRequestOptions) request() (*cert.Request, error) {
	chain, err := ledger.ParseDigest(*o.genesis)
	if err != nil {
		return nil, fmt.Errorf("--genesis: %w", err)
	}
	r := &cert.Request{Kind: cert.Kind(o.kind), Chain: chain, DNS: o.dns}
	if r.Organisation, err = ledger.ParseID(o.organisation); err != nil {
		return nil, fmt.Errorf("--organisation: %w", err)
	}
	for _, s := range o.ips {
		ip := net.ParseIP(s)
		if ip == nil {
			return nil, fmt.Errorf("--ip: %.60q is no address", s)
		}
		r.IPs = append(r.IPs, ip)
	}
	switch {
	case o.id != "":
		if r.ID, err = ledger.ParseID(o.id); err != nil {
			return nil, fmt.Errorf("--id: %w", err)
		}
	case r.Kind == cert.KindMember:
		if _, err := rand.Read(r.ID[:]); err != nil {
			return nil, fmt.Errorf("draw an id: %w", err)
		}
	case r.Kind == cert.KindNode:
		return nil, errors.New("--id: a node has one on the ledger")
	}
	return r, nil
}

// openOrMake opens a key, or makes it where its file is missing.
func openOrMake(path string, passphrase *passphraseFlag) (*identity.Key, error) {
	if path == "" {
		return nil, errors.New("--identity: name the key's file")
	}
	if _, err := os.Stat(path); !strings.HasPrefix(path, "pkcs11:") && errors.Is(err, fs.ErrNotExist) {
		return makeKey(path, passphrase)
	}
	return keyfile.Load(path, passphrase.ask)
}

func makeKey(path string, passphrase *passphraseFlag) (*identity.Key, error) {
	secret, err := passphrase.choose("passphrase of the new key")
	if err != nil {
		return nil, err
	}
	key, err := identity.NewKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return key, keyfile.Write(path, key, secret)
}

func newIdentityLockCommand(server *serverFlags) *cobra.Command {
	var passphrase, next *passphraseFlag
	cmd := &cobra.Command{
		Use:   "lock FILE",
		Short: "Encrypt a key file, or change its passphrase",
		Long: `Encrypt a key file by a passphrase (age, scrypt). What reads keys asks for it from
then on: a file, an environment variable or the terminal.`,
		Example: "  librum identity lock key --new-passphrase-file passphrase",
		Args:    oneArgument("the key's file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := keyfile.Load(args[0], passphrase.ask)
			if err != nil {
				return wrongUse(err)
			}
			secret, err := next.choose("new passphrase of " + args[0])
			if err == nil && secret == "" {
				err = errors.New("no passphrase: give it with --new-passphrase-file")
			}
			if err != nil {
				return wrongUse(err)
			}
			if err := keyfile.Replace(args[0], key, secret); err != nil {
				return err
			}
			if server.json {
				return printJSON(cmd.OutOrStdout(), struct {
					Key ledger.Digest `json:"key"`
				}{key.ID()})
			}
			say(cmd.OutOrStdout(), "%s is encrypted; copies made before are not", args[0])
			return nil
		},
	}
	passphrase = addPassphraseFlag(cmd.Flags(), "passphrase-file", "the key as it is")
	next = addPassphraseFlag(cmd.Flags(), "new-passphrase-file", "the key as it is to be")
	return cmd
}

func newIdentityRotateCommand(server *serverFlags, genesis *string) *cobra.Command {
	var member *actorFlags
	var to string
	var overlap time.Duration
	var next *passphraseFlag
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Replace a member's key on the ledger, with both valid for a while",
		Long: `Replace a member's key on the ledger. Both keys count during the overlap, so that
nothing fails while programs change over. The new key signs that it is held. A
certificate for it is renewed afterwards: librum identity request --id …, then
librum ca rotate certificate.`,
		Example: "  librum identity rotate --genesis 3f0c… --identity key --to key-2 --overlap 24h",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			anchor, err := anchorOf(*genesis)
			if err != nil {
				return err
			}
			if overlap < 0 || overlap.Milliseconds() >= members.MaxOverlap {
				return wrongUse(errors.New("--overlap is 0 to 30 days"))
			}
			a, err := member.act(cmd.Context(), anchor)
			if err != nil {
				return err
			}
			defer a.client.Close()
			m, err := a.standing(cmd.Context(), a.caller.Sender)
			if err != nil {
				return err
			}
			if m == nil {
				return &exitError{code: exitUnknown, err: fmt.Errorf("the ledger knows no member %s", a.caller.Sender)}
			}
			key, err := openOrMake(to, next)
			if err != nil {
				return wrongUse(fmt.Errorf("--to: %w", err))
			}
			possession := ledger.Possession{
				Version: ledger.Version, Chain: a.caller.Chain, Shard: a.caller.Shard, Organisation: m.Organisation,
				Member: a.caller.Sender, Key: key.Public(),
			}
			proof, err := possession.Sign(key.Sign)
			if err != nil {
				return err
			}
			args := &members.RotateKey{Old: a.caller.Key.ID(), Key: key.Public(), Proof: proof}
			if overlap > 0 {
				args.Until = time.Now().Add(overlap).UnixMilli()
			}
			t, err := a.submit(cmd.Context(), members.MethodRotateKey, args)
			if err != nil {
				return err
			}
			return done(cmd, server.json, "the key of "+to+" counts now", &t)
		},
	}
	member = addActorFlags(cmd, server, "identity", "the member, as it is")
	flags := cmd.Flags()
	flags.StringVar(&to, "to", "", "file of the new key, made if it is missing, or pkcs11: URI of a token's")
	flags.DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old key counts on")
	next = addPassphraseFlag(flags, "to-passphrase-file", "the new key")
	return cmd
}
