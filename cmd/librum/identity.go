package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	v1 "github.com/librum/librum/api/v1"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
)

func newIdentityCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "identity",
		Short: "Make keys and requests, and change members on the ledger",
		Example: "  librum identity request --identity key --genesis 3f0c… --organisation 7c1e… -o request.pem\n" +
			"  librum identity show 9a41…\n" +
			"  librum identity freeze 9a41… --genesis 3f0c… --officer officer-key",
		RunE: chooseSubcommand,
	}
	flags := addServerFlags(cmd)
	var genesis string
	cmd.PersistentFlags().StringVar(&genesis, "genesis", "", "SHA-256 of the genesis file, learnt from somebody you trust")
	cmd.AddCommand(
		newIdentityRequestCommand(flags, &genesis), newIdentityLockCommand(flags), newIdentityShowCommand(flags),
		newStandingCommand(flags, &genesis, "freeze", members.MethodFreeze, "Take a member's right to act, for now"),
		newStandingCommand(flags, &genesis, "unfreeze", members.MethodUnfreeze, "Give a frozen member its right back"),
		newStandingCommand(flags, &genesis, "revoke", members.MethodRevoke, "Take a member's right to act, for ever"),
		newIdentityRenewCommand(flags, &genesis), newIdentityRotateCommand(flags, &genesis), newIdentityDelegateCommand(flags, &genesis), newIdentityTokenCommand(),
	)
	return cmd
}

// anchorOf reads the digest of --genesis.
func anchorOf(genesis string) (ledger.Digest, error) {
	anchor, err := parseAnchor(genesis)
	if err != nil {
		return anchor, wrongUse(fmt.Errorf("--genesis: %w", err))
	}
	return anchor, nil
}

func newIdentityShowCommand(flags *serverFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show a member's standing, roles and keys",
		Example: "  librum identity show 9a41… --json",
		Args:    oneArgument("the member's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ledger.ParseID(args[0])
			if err != nil {
				return wrongUse(err)
			}
			c, err := flags.open()
			if err != nil {
				return err
			}
			defer c.Close()
			a, err := c.Account(cmd.Context(), id)
			if err != nil {
				return answered(err)
			}
			if a.Member == nil {
				return &exitError{code: exitUnknown, err: fmt.Errorf("account %s is no member", id)}
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), struct {
					ID ledger.ID `json:"id"`
					*v1.Member
				}{id, a.Member})
			}
			t := newTable(cmd.OutOrStdout())
			t.row("member", id)
			t.row("standing", a.Member.Status)
			t.row("organisation", a.Member.Organisation)
			if a.Member.Expiry != 0 {
				t.row("expires", logTime(a.Member.Expiry))
			}
			for _, role := range a.Member.Roles {
				t.row("role", role)
			}
			for _, k := range a.Member.Keys {
				text := k.ID.String() + ", from " + logTime(k.From)
				if k.Until != 0 {
					text += " until " + logTime(k.Until)
				}
				t.row("key", text)
			}
			return t.Flush()
		},
	}
}

// done is what a command prints whose transaction took effect.
func done(cmd *cobra.Command, asJSON bool, what string, t *v1.Transaction) error {
	if asJSON {
		return printJSON(cmd.OutOrStdout(), t)
	}
	say(cmd.OutOrStdout(), "%s, transaction %s", what, t.ID)
	return nil
}

// newStandingCommand makes a command of an officer's change of a member.
func newStandingCommand(server *serverFlags, genesis *string, verb, method, short string) *cobra.Command {
	var officer *actorFlags
	cmd := &cobra.Command{
		Use:     verb + " ID",
		Short:   short,
		Long:    short + ", on the ledger. It holds from the very next transaction on, for delegate keys too.",
		Example: "  librum identity " + verb + " 9a41… --genesis 3f0c… --officer officer-key",
		Args:    oneArgument("the member's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ledger.ParseID(args[0])
			if err != nil {
				return wrongUse(err)
			}
			anchor, err := anchorOf(*genesis)
			if err != nil {
				return err
			}
			a, err := officer.act(cmd.Context(), anchor)
			if err != nil {
				return err
			}
			defer a.client.Close()
			t, err := a.submit(cmd.Context(), method, &members.Change{Member: id})
			if err != nil {
				return err
			}
			return done(cmd, server.json, fmt.Sprintf("%s: %s", id, verb), &t)
		},
	}
	officer = addActorFlags(cmd, server, "officer", "the officer of the member's organisation")
	return cmd
}

func newIdentityDelegateCommand(server *serverFlags, genesis *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "delegate",
		Short:   "Let a node sign for a member, or take that back",
		Example: "  librum identity delegate revoke 5e0b… --genesis 3f0c… --identity member-key",
		RunE:    chooseSubcommand,
	}
	cmd.AddCommand(newDelegateAddCommand(server, genesis), newDelegateRevokeCommand(server, genesis))
	return cmd
}

func newDelegateAddCommand(server *serverFlags, genesis *string) *cobra.Command {
	var member *actorFlags
	var node string
	var methods []string
	var life int
	cmd := &cobra.Command{
		Use:   "add KEY",
		Short: "Let a node sign some methods with a key of its own",
		Long: `Let a node sign some methods for the member with a key that is the node's own
(32 bytes in hexadecimal digits, as the node's operator gives it).`,
		Example: "  librum identity delegate add 77ab… --node 4d2f… --method fl.CreateJob --genesis 3f0c… --identity member-key",
		Args:    oneArgument("the node's public key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			digest, err := ledger.ParseDigest(args[0]) // of the same length as a key
			if err != nil {
				return wrongUse(fmt.Errorf("the key: %w", err))
			}
			at, err := ledger.ParseID(node)
			if err != nil {
				return wrongUse(fmt.Errorf("--node: %w", err))
			}
			anchor, err := anchorOf(*genesis)
			if err != nil {
				return err
			}
			if life < 1 {
				return wrongUse(errors.New("--days is at least 1"))
			}
			a, err := member.act(cmd.Context(), anchor)
			if err != nil {
				return err
			}
			defer a.client.Close()
			t, err := a.submit(cmd.Context(), members.MethodAddDelegate, &members.AddDelegate{
				Node: at, Key: ledger.PublicKey(digest), Methods: methods, Expiry: time.Now().Add(days(life)).UnixMilli(),
			})
			if err != nil {
				return err
			}
			return done(cmd, server.json, "delegated", &t)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&node, "node", "", "id of the node")
	flags.StringSliceVar(&methods, "method", []string{"fl.CancelJob", "fl.CreateJob"}, "methods it may sign, ascending")
	flags.IntVar(&life, "days", 30, "days until it ends")
	member = addActorFlags(cmd, server, "identity", "the member")
	return cmd
}

func newDelegateRevokeCommand(server *serverFlags, genesis *string) *cobra.Command {
	var member *actorFlags
	cmd := &cobra.Command{
		Use:     "revoke KEYID",
		Short:   "Take a delegate key back",
		Example: "  librum identity delegate revoke 5e0b… --genesis 3f0c… --identity member-key",
		Args:    oneArgument("the id of the delegate key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := ledger.ParseDigest(args[0])
			if err != nil {
				return wrongUse(err)
			}
			anchor, err := anchorOf(*genesis)
			if err != nil {
				return err
			}
			a, err := member.act(cmd.Context(), anchor)
			if err != nil {
				return err
			}
			defer a.client.Close()
			t, err := a.submit(cmd.Context(), members.MethodRevokeDelegate, &members.RevokeDelegate{Key: key})
			if err != nil {
				return err
			}
			return done(cmd, server.json, "taken back", &t)
		},
	}
	member = addActorFlags(cmd, server, "identity", "the member")
	return cmd
}
