package main

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
)

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
	var node, proof string
	var methods []string
	var life int
	cmd := &cobra.Command{
		Use:   "add KEY",
		Short: "Let a node sign some methods with a key of its own",
		Long: `Let a node sign some methods for the member with a key that is the node's own,
or let it sign for longer. Key and proof of its possession are those of a token
that signs, as librum identity token list --json prints them; digits in
hexadecimal are understood too. librum identity token create --sign does all of
it at once.`,
		Example: "  librum identity delegate add d6q… --proof kE9… --node 4d2f… --method fl.CreateJob --genesis 3f0c… --identity member-key",
		Args:    oneArgument("the node's public key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := parseBytes(args[0], len(ledger.PublicKey{}))
			if err != nil {
				return wrongUse(fmt.Errorf("the key: %w", err))
			}
			held, err := parseBytes(proof, len(members.Proof{}))
			if err != nil {
				return wrongUse(fmt.Errorf("--proof: %w", err))
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
				Node: at, Key: ledger.PublicKey(key), Proof: members.Proof(held), Methods: methods, Expiry: time.Now().Add(days(life)).UnixMilli(),
			})
			if err != nil {
				return err
			}
			return done(cmd, server.json, "delegated", &t)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&node, "node", "", "id of the node")
	flags.StringVar(&proof, "proof", "", "the key's signature that it is to be the member's")
	flags.StringSliceVar(&methods, "method", []string{"fl.CancelJob", "fl.CreateJob"}, "methods it may sign, ascending")
	flags.IntVar(&life, "days", 30, "days until it ends")
	member = addActorFlags(cmd, server, "identity", "the member")
	return cmd
}

// parseBytes reads n bytes as JSON holds them, in base64, or in hexadecimal
// digits; no length is both.
func parseBytes(text string, n int) ([]byte, error) {
	decode := base64.StdEncoding.DecodeString
	if len(text) == hex.EncodedLen(n) {
		decode = hex.DecodeString
	}
	b, err := decode(text)
	if err != nil {
		return nil, err
	}
	if len(b) != n {
		return nil, fmt.Errorf("%d bytes, want %d", len(b), n)
	}
	return b, nil
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
