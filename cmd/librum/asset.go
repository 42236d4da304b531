package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/contract/asset"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
)

// assetCommands makes the commands of one contract of assets.
type assetCommands struct {
	contract string // its name, and that of the command
	flags    *serverFlags
	genesis  string
	page     client.Page
}

func newAssetCommands(cmd *cobra.Command, contract string) *assetCommands {
	a := &assetCommands{contract: contract, flags: addServerFlags(cmd)}
	cmd.PersistentFlags().StringVar(&a.genesis, "genesis", "", "SHA-256 of the genesis file, learnt from somebody you trust")
	return a
}

// call says what a command calls.
type call struct {
	method string
	args   any
	done   string // what it prints once that took effect
}

// acting makes a command that signs one call for a member. What it takes stands in
// its use; bind reads it.
func (a *assetCommands) acting(use, short, example string, arity int, bind func(actor *actor, args []string) (call, error)) *cobra.Command {
	var who *actorFlags
	cmd := &cobra.Command{
		Use: use, Short: short, Example: "  librum " + a.contract + " " + example + " --genesis 3f0c… --identity member-key",
		Args: exactly(arity, use),
		RunE: func(cmd *cobra.Command, args []string) error {
			// What is wrong is said before a node is asked.
			if _, err := bind(&actor{}, args); err != nil {
				return wrongUse(err)
			}
			anchor, err := anchorOf(a.genesis)
			if err != nil {
				return err
			}
			by, err := who.act(cmd.Context(), anchor)
			if err != nil {
				return err
			}
			defer by.client.Close()
			c, err := bind(by, args)
			if err != nil {
				return wrongUse(err)
			}
			t, err := by.submitTo(cmd.Context(), a.contract, c.method, c.args)
			if err != nil {
				return err
			}
			return done(cmd, a.flags.json, c.done, &t)
		},
	}
	who = addActorFlags(cmd, a.flags, "identity", "the member who signs")
	return cmd
}

// exactly wants so many arguments.
func exactly(n int, use string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return wrongUse(fmt.Errorf("%d arguments, want %s", len(args), use))
		}
		return nil
	}
}

// asking makes a command that asks a node.
func (a *assetCommands) asking(use, short, example string, arity int, ask func(ctx context.Context, c *client.Client, args []string) (result any, show func(table), err error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Example: "  librum " + a.contract + " " + example, Args: exactly(arity, use),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.flags.open()
			if err != nil {
				return err
			}
			defer c.Close()
			result, show, err := ask(cmd.Context(), c, args)
			if err != nil {
				return err
			}
			if a.flags.json {
				return printJSON(cmd.OutOrStdout(), result)
			}
			t := newTable(cmd.OutOrStdout())
			show(t)
			return t.Flush()
		},
	}
}

// listing is asking for a list, of which one page is shown.
func (a *assetCommands) listing(use, short, example string, arity int, ask func(ctx context.Context, c *client.Client, args []string) (result any, show func(table), err error)) *cobra.Command {
	cmd := a.asking(use, short, example, arity, ask)
	cmd.Flags().StringVar(&a.page.Cursor, "cursor", "", "where the page before said that this one begins")
	cmd.Flags().IntVar(&a.page.Limit, "limit", 1000, "most entries of a page, up to 1000")
	return cmd
}

// nextPage says how a list goes on.
func nextPage(t table, cursor string) {
	if cursor != "" {
		t.row("more: --cursor " + cursor)
	}
}

// roles makes the commands about roles and the pause.
func (a *assetCommands) roles() []*cobra.Command {
	change := func(verb, method, short string) *cobra.Command {
		return a.acting(verb+" ID ROLE ACCOUNT", short, verb+" 5c0d… minter 9a41…", 3, func(_ *actor, args []string) (call, error) {
			id, err := ledger.ParseDigest(args[0])
			if err != nil {
				return call{}, err
			}
			account, err := ledger.ParseID(args[2])
			return call{method, &asset.Role{Asset: id, Role: args[1], Account: account}, verb + " " + args[1]}, err
		})
	}
	pause := func(verb, method, short string) *cobra.Command {
		return a.acting(verb+" ID", short, verb+" 5c0d…", 1, func(_ *actor, args []string) (call, error) {
			id, err := ledger.ParseDigest(args[0])
			return call{method, &asset.Pause{Asset: id}, verb + " " + args[0]}, err
		})
	}
	return []*cobra.Command{
		change("grant", asset.MethodGrantRole, "Give a role: admin, burner, minter or pauser"),
		change("revoke", asset.MethodRevokeRole, "Take a role"),
		a.acting("renounce ID ROLE", "Give up a role of one's own, for ever if nobody else is admin", "renounce 5c0d… admin", 2, func(_ *actor, args []string) (call, error) {
			id, err := ledger.ParseDigest(args[0])
			return call{asset.MethodRenounceRole, &asset.Renounce{Asset: id, Role: args[1]}, "renounced " + args[1]}, err
		}),
		pause("pause", asset.MethodPause, "Stop what moves"),
		pause("unpause", asset.MethodUnpause, "Let it move again"),
	}
}
