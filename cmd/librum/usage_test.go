package main

import (
	"errors"
	"io"
	"testing"

	"github.com/spf13/cobra"
)

// TestMistypedCommandIsWrongUse goes through all commands: one that only has
// subcommands must not answer "yes" to a word it does not know, or to none.
func TestMistypedCommandIsWrongUse(t *testing.T) {
	t.Parallel()
	var paths [][]string
	var walk func(cmd *cobra.Command, path []string)
	walk = func(cmd *cobra.Command, path []string) {
		if cmd.HasSubCommands() {
			paths = append(paths, path)
		}
		for _, sub := range cmd.Commands() {
			walk(sub, append(append([]string(nil), path...), sub.Name()))
		}
	}
	walk(newRootCommand(), nil)
	if len(paths) < 6 {
		t.Fatalf("only %d commands have subcommands", len(paths))
	}
	for _, path := range paths {
		for _, args := range [][]string{path, append(append([]string(nil), path...), "chian")} {
			root := newRootCommand()
			root.SetOut(io.Discard)
			root.SetErr(io.Discard)
			root.SetArgs(append([]string{}, args...))
			err := root.ExecuteContext(t.Context())
			if coded, ok := errors.AsType[*exitError](err); !ok || coded.code != exitUsage {
				t.Errorf("librum %v: error %v, want wrong use", args, err)
			}
		}
	}
}
