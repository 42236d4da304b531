package main

import "github.com/spf13/cobra"

func newIdentityCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "identity",
		Short:   "Act as a member with its own key",
		Example: "  librum identity token create --identity member-key --sign fl.CreateJob",
		Args:    cobra.ArbitraryArgs,
		RunE:    chooseSubcommand,
	}
	cmd.AddCommand(newIdentityTokenCommand())
	return cmd
}
