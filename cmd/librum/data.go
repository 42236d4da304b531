package main

import "github.com/spf13/cobra"

func newDataCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "data",
		Short:   "Prepare data sets",
		Example: "  librum data split --data idx:train-images,train-labels --split dirichlet:0.5 --peers 10 --out parts",
		Args:    cobra.ArbitraryArgs,
		RunE:    chooseSubcommand,
	}
	cmd.AddCommand(newDataSplitCommand())
	return cmd
}
