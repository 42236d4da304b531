package main

import (
	"github.com/spf13/cobra"
)

// newRootCommand wires all commands by hand.
func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "librum",
		Short:         "Train together without pooling data, and prove what was done",
		Example:       "  librum demo\n  librum dev\n  librum job run -f job.yaml",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE:          chooseSubcommand,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{code: exitUsage, err: err} })
	root.AddCommand(
		newDemoCommand(), newDevCommand(), newNodeCommand(), newConfigCommand(), newGenesisCommand(), newCACommand(), newGovCommand(),
		newPeerCommand(), newDataCommand(), newJobCommand(), newTxCommand(), newBlockCommand(), newAccountCommand(), newTokenCommand(), newNFTCommand(), newIdentityCommand(), newSearchCommand(),
		newVerifyCommand(), newSnapshotCommand(), newFsckCommand(), newDoctorCommand(), newBenchCommand(),
	)
	return root
}

func newBenchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure a part beside what the machine allows", Example: "  librum bench chain",
		Args: cobra.ArbitraryArgs, RunE: chooseSubcommand,
	}
	cmd.AddCommand(newBenchAccuracyCommand(), newBenchAggregateCommand(), newBenchChainCommand(), newBenchEnrollCommand(), newBenchSearchCommand(), newBenchServeCommand())
	return cmd
}
