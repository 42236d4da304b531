package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/internal/durable"
)

// tokenFlags say who asks which node.
type tokenFlags struct {
	*serverFlags

	identity   string
	genesis    string
	passphrase *passphraseFlag
}

func newIdentityTokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke bearer tokens of a member at a node",
		Long: `Make, list and revoke bearer tokens of a member at a node. Requests are signed
with the member's own key, so no token is needed to get one. A token opens the
node that made it and no other.`,
		Example: "  librum identity token create --identity member-key --sign fl.CancelJob,fl.CreateJob --token-out token",
		Args:    cobra.ArbitraryArgs,
		RunE:    chooseSubcommand,
	}
	f := &tokenFlags{serverFlags: addAddressFlags(cmd)}
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.identity, "identity", "", "file with the member's private key in PEM")
	flags.StringVar(&f.genesis, "genesis", "", "SHA-256 of the genesis file; nothing is signed for another chain (default whichever the server says)")
	f.passphrase = addPassphraseFlag(flags, "passphrase-file", "the identity")
	cmd.AddCommand(newTokenCreateCommand(f), newTokenListCommand(f), newTokenRevokeCommand(f))
	return cmd
}

// open returns a client that acts as the member.
func (f *tokenFlags) open() (*client.Client, *client.Identity, error) {
	if f.identity == "" {
		return nil, nil, wrongUse(errors.New("--identity: name the file with the member's key"))
	}
	key, err := keyfile.Load(f.identity, f.passphrase.ask)
	if err != nil {
		return nil, nil, wrongUse(fmt.Errorf("--identity: %w", err))
	}
	who := &client.Identity{Key: key, Name: "librum identity", Now: time.Now, Random: rand.Reader}
	if f.genesis != "" {
		if who.Chain, err = anchorOf(f.genesis); err != nil {
			return nil, nil, err
		}
	}
	c, err := f.connectAs(who, retriesOnce)
	return c, who, err
}

type tokenCreateOptions struct {
	*tokenFlags

	name  string
	life  time.Duration
	sign  []string
	spend string
	out   string
}

func newTokenCreateCommand(f *tokenFlags) *cobra.Command {
	o := &tokenCreateOptions{tokenFlags: f}
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a token; with --sign the node signs for the member",
		Long: `Make a token and write it to a file that you alone can read. Without --sign it
only reads. With --sign the node makes a key of its own, and this command lists
that key on the ledger, signed with the member's key, as its delegate at that
node: for those methods, until the token ends, with that spending limit.`,
		Example: "  librum identity token create --identity member-key --token-out token\n" +
			"  librum identity token create --identity member-key --token-out token --sign fl.CancelJob,fl.CreateJob --life 720h",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.out, "token-out", "", "file for the token, which must not exist")
	flags.StringVar(&o.name, "name", "", "name of the token in lists")
	flags.DurationVar(&o.life, "life", 30*24*time.Hour, "how long it lives")
	flags.StringSliceVar(&o.sign, "sign", nil, "methods that the node may sign, of "+strings.Join(members.DelegableMethods(), ", "))
	flags.StringVar(&o.spend, "spend", "0", "what token.transfer may move in all, in the smallest unit")
	return cmd
}

// madeToken is what create prints.
type madeToken struct {
	v1.BearerToken

	File string `json:"file"`
}

func (o *tokenCreateOptions) run(cmd *cobra.Command) error {
	limit, err := o.check()
	if err != nil {
		return wrongUse(err)
	}
	c, who, err := o.open()
	if err != nil {
		return err
	}
	defer c.Close()
	made, err := c.CreateToken(cmd.Context(), who, o.name, len(o.sign) > 0, o.life)
	if err != nil {
		return answered(err)
	}
	// Before the ledger lists its key: a token that nobody kept must not sign.
	if err := durable.WriteFile(o.out, []byte(made.Secret+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the token: %w", err)
	}
	if len(o.sign) > 0 {
		if err := o.delegate(cmd.Context(), c, who, &made, limit); err != nil {
			return err
		}
		made.Methods = o.sign
	}
	if o.json {
		return printJSON(cmd.OutOrStdout(), madeToken{made.BearerToken, o.out})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "token %s of member %s at node %s until %s, may sign: %s; it is in %s\n",
		made.ID, made.Member, made.Node, made.Expiry.Format(time.RFC3339), strings.Join(orNothing(made.Methods), ", "), o.out)
	return err
}

func orNothing(methods []string) []string {
	if len(methods) == 0 {
		return []string{"nothing"}
	}
	return methods
}

// check looks at the flags and returns the spending limit, nil for none.
func (o *tokenCreateOptions) check() (*ledger.Amount, error) {
	if o.out == "" {
		return nil, errors.New("--token-out: name a file for the token")
	}
	if err := absent(o.out); err != nil {
		return nil, fmt.Errorf("--token-out: %w", err)
	}
	if o.life < time.Second || o.life > v1.MaxTokenLife {
		return nil, fmt.Errorf("--life: %s, want 1s to %s", o.life, v1.MaxTokenLife)
	}
	slices.Sort(o.sign)
	o.sign = slices.Compact(o.sign)
	limit, err := ledger.ParseAmount(o.spend)
	if err != nil {
		return nil, fmt.Errorf("--spend: %w", err)
	}
	if limit.IsZero() {
		return nil, nil //nolint:nilnil // spends nothing
	}
	return &limit, nil
}

// delegate lists the token's key on the ledger.
func (o *tokenCreateOptions) delegate(ctx context.Context, c *client.Client, who *client.Identity, t *v1.NewBearerToken, limit *ledger.Amount) error {
	if len(t.Key) != len(ledger.PublicKey{}) || len(t.Proof) != len(members.Proof{}) {
		return errors.New("list the token's key: the node sent none with its proof of possession")
	}
	caller, err := callerAs(ctx, c, who, t.Member)
	if err != nil {
		return answered(err)
	}
	args := &members.AddDelegate{
		Node: t.Node, Key: ledger.PublicKey(t.Key), Proof: members.Proof(t.Proof), Methods: o.sign, Expiry: t.Expiry.UnixMilli(), Spend: limit,
	}
	if _, err := submitCall(ctx, c, caller, members.Name, members.MethodAddDelegate, args); err != nil {
		return answered(fmt.Errorf("list the token's key on the ledger (the token in %s signs nothing): %w", o.out, err))
	}
	return nil
}

func newTokenListCommand(f *tokenFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the member's tokens at the node, oldest first",
		Example: "  librum identity token list --identity member-key --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, _, err := f.open()
			if err != nil {
				return err
			}
			defer c.Close()
			tokens, err := c.Tokens(cmd.Context())
			if err != nil {
				return answered(err)
			}
			if f.json {
				return printJSON(cmd.OutOrStdout(), v1.BearerTokens{Tokens: tokens})
			}
			t := newTable(cmd.OutOrStdout())
			t.row("ID", "NAME", "UNTIL", "MAY SIGN")
			for _, token := range tokens {
				t.row(token.ID, token.Name, token.Expiry.Format(time.RFC3339), strings.Join(orNothing(token.Methods), ", "))
			}
			return t.Flush()
		},
	}
}

func newTokenRevokeCommand(f *tokenFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID",
		Short:   "Revoke a token, at the node and on the ledger",
		Example: "  librum identity token revoke 7c1e… --identity member-key",
		Args:    oneArgument("the token's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ledger.ParseID(args[0])
			if err != nil {
				return wrongUse(err)
			}
			c, who, err := f.open()
			if err != nil {
				return err
			}
			defer c.Close()
			if err := revokeToken(cmd.Context(), c, who, id); err != nil {
				return answered(err)
			}
			if f.json {
				return printJSON(cmd.OutOrStdout(), map[string]any{"id": id, "revoked": true})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "revoked token %s\n", id)
			return err
		},
	}
}

// revokeToken has the node forget a token, and takes its key off the ledger, so
// that even a node that does not forget it can't sign: whatever it answered, and
// whatever it says that the ledger lists.
func revokeToken(ctx context.Context, c *client.Client, who *client.Identity, id ledger.ID) error {
	tokens, err := c.Tokens(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(tokens, func(t v1.BearerToken) bool { return t.ID == id })
	forgotten := c.RevokeToken(ctx, id)
	if at < 0 || len(tokens[at].Key) != len(ledger.PublicKey{}) {
		return forgotten
	}
	return errors.Join(forgotten, undelegate(ctx, c, who, &tokens[at]))
}

// undelegate takes a token's key off the ledger, where it is listed.
func undelegate(ctx context.Context, c *client.Client, who *client.Identity, t *v1.BearerToken) error {
	caller, err := callerAs(ctx, c, who, t.Member)
	if err != nil {
		return err
	}
	args := &members.RevokeDelegate{Key: ledger.PublicKey(t.Key).ID()}
	if _, err = submitCall(ctx, c, caller, members.Name, members.MethodRevokeDelegate, args); client.IsCode(err, string(contract.CodeNotFound)) {
		return nil
	}
	return err
}

// callerAs signs for a member on the server's chain, which must be the one that
// the user named, if any: the same key may be a member's of another chain.
func callerAs(ctx context.Context, c *client.Client, who *client.Identity, member ledger.ID) (*identity.Caller, error) {
	status, err := c.Status(ctx)
	if err != nil {
		return nil, err
	}
	if !who.Chain.IsZero() && status.Chain != who.Chain {
		return nil, &exitError{code: exitNo, err: fmt.Errorf("the server's chain is %s, --genesis says %s: nothing is signed", status.Chain, who.Chain)}
	}
	return &identity.Caller{Chain: status.Chain, Shard: status.Shard, Sender: member, Key: who.Key, Random: rand.Reader}, nil
}
