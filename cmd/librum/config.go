package main

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/librum/librum/fullnode/config"
)

func newConfigCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Look at the configuration of a node",
		Example: "  librum config defaults > node.yaml\n  librum config check node.yaml",
		Args:    cobra.ArbitraryArgs,
		RunE:    chooseSubcommand,
	}
	cmd.AddCommand(newConfigCheckCommand(), newConfigDefaultsCommand())
	return cmd
}

func newConfigDefaultsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "defaults",
		Short:   "Print a configuration with every field, its default and what it means",
		Example: "  librum config defaults > node.yaml",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := io.WriteString(cmd.OutOrStdout(), config.Defaults)
			return err
		},
	}
}

// checkedConfig is what check prints with --json.
type checkedConfig struct {
	OK       bool     `json:"ok"`
	Problems []string `json:"problems"`
	Order    string   `json:"order,omitempty"` // drivers
	Store    string   `json:"store,omitempty"`
	Blob     string   `json:"blob,omitempty"`
	Registry string   `json:"registry,omitempty"`
}

func newConfigCheckCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Say all that is wrong with a configuration",
		Long: `Read a configuration as librum node does, variables of the environment included,
and say all that is wrong with it. Nothing that it names is opened: that is what
librum doctor --config does.

Exit 0 where nothing is wrong, 1 where something is, 3 where it could not be read.`,
		Example: "  librum config check node.yaml",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return wrongUse(errors.New("name the configuration's file"))
			}
			c, err := config.Load(args[0], os.Environ())
			wrong, read := errors.AsType[*config.Error](err)
			if err != nil && !read {
				return &exitError{code: exitUnknown, err: err}
			}
			result := checkedConfig{OK: err == nil, Problems: []string{}}
			if err != nil {
				result.Problems = wrong.Problems
			} else {
				result.Order, result.Store, result.Blob, result.Registry = c.Order.Driver, c.Store.Driver, c.Blob.Driver, c.Registry.Driver
			}
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), result); err != nil {
					return err
				}
			} else if result.OK {
				say(cmd.OutOrStdout(), "ok: order %s, store %s, blobs %s, registry %s", result.Order, result.Store, result.Blob, result.Registry)
			}
			for _, p := range result.Problems {
				say(cmd.ErrOrStderr(), "%s", p)
			}
			if !result.OK {
				return &exitError{code: exitNo}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object on the last line")
	return cmd
}
