package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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

// TestZerosAreNoAnchor: zeros stand for "no anchor" inside, so a script that
// passes them by mistake must not be told that any chain is the right one.
func TestZerosAreNoAnchor(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "job.evidence")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	zeros := strings.Repeat("0", 64)
	for _, args := range [][]string{
		{"verify", file, "--genesis", zeros},
		{"verify", file, "--head", zeros},
		{"verify", "chain", "--genesis", zeros},
		{"verify", "job", zeros, "--genesis", zeros},
		{"verify", "tx", zeros, "--server", "http://127.0.0.1:1", "--genesis", zeros},
		{"doctor", "--genesis", zeros},
	} {
		root := newRootCommand()
		root.SetOut(io.Discard)
		root.SetErr(io.Discard)
		root.SetArgs(args)
		err := root.ExecuteContext(t.Context())
		coded, ok := errors.AsType[*exitError](err)
		if !ok || coded.code != exitUsage || !errors.Is(err, errNoAnchor) {
			t.Errorf("librum %v: error %v, want wrong use for the anchor", args, err)
		}
	}
}

// TestEveryCommandHasAnExample: --help shows how it is done.
func TestEveryCommandHasAnExample(t *testing.T) {
	t.Parallel()
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRootCommand())
}

// TestEvidenceIsARegularFile: a pipe without a writer would hold the command
// for ever, deaf to signals.
func TestEvidenceIsARegularFile(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{pipe, os.DevNull, t.TempDir()} {
		root := newRootCommand()
		root.SetOut(io.Discard)
		root.SetErr(io.Discard)
		root.SetArgs([]string{"verify", path})
		err := root.ExecuteContext(t.Context())
		if coded, ok := errors.AsType[*exitError](err); !ok || coded.code != exitUsage {
			t.Errorf("librum verify %s: error %v, want wrong use", path, err)
		}
	}
}

// TestPlainHTTPIsAskedFor: who would send a token in the open is told by which
// flag, the auditor's commands included.
func TestPlainHTTPIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"verify", "chain"}, {"verify", "tx", strings.Repeat("1", 64)}, {"doctor"}, {"account", "show", strings.Repeat("1", 32)},
	} {
		root := newRootCommand()
		root.SetOut(io.Discard)
		root.SetErr(io.Discard)
		root.SetArgs(append(args, "--server", "http://192.0.2.1:80"))
		err := root.ExecuteContext(t.Context())
		if coded, ok := errors.AsType[*exitError](err); !ok || coded.code != exitUsage || !strings.Contains(err.Error(), "--insecure-http") {
			t.Errorf("librum %v: %v, want wrong use that names the flag", args, err)
		}
		if cmd, _, err := root.Find(args); err != nil || cmd.Flag("insecure-http") == nil {
			t.Errorf("librum %v has no such flag: %v", args, err)
		}
	}
}
