package main

import (
	"fmt"

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
