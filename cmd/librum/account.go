package main

import (
	"strings"

	"github.com/spf13/cobra"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

func newAccountCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "account",
		Short:   "Show accounts",
		Example: "  librum account show 7c1e…",
		RunE:    chooseSubcommand,
	}
	flags := addServerFlags(cmd)
	cmd.AddCommand(&cobra.Command{
		Use:     "show ID",
		Short:   "Show balance and standing of an account",
		Example: "  librum account show 7c1e… --json",
		Args:    oneArgument("the account's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ledger.ParseID(args[0])
			if err != nil {
				return wrongUse(err)
			}
			c, err := flags.open()
			if err != nil {
				return err
			}
			a, err := c.Account(cmd.Context(), id)
			if err != nil {
				return answered(err)
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), a)
			}
			return showAccount(newTable(cmd.OutOrStdout()), &a)
		},
	})
	return cmd
}

func showAccount(t table, a *v1.Account) error {
	t.row("account", a.ID)
	t.row("balance", inTokens(a.Balance.String(), int(a.Decimals))+" "+a.Symbol)
	if m := a.Member; m != nil {
		t.row("member", m.Status)
		t.row("organisation", m.Organisation)
		t.row("roles", strings.Join(m.Roles, ", "))
		for _, k := range m.Keys {
			t.row("key", k.ID)
		}
	}
	return t.Flush()
}

// inTokens shows an amount of the smallest unit in whole tokens.
func inTokens(amount string, decimals int) string {
	if missing := decimals + 1 - len(amount); missing > 0 {
		amount = strings.Repeat("0", missing) + amount
	}
	whole, fraction := amount[:len(amount)-decimals], strings.TrimRight(amount[len(amount)-decimals:], "0")
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}
