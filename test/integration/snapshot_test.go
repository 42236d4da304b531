package integration_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/librum/librum/client"
)

// snapshots has a node that lost its keyspace go on from a snapshot of its store in
// Cassandra, and another forget its past.
func (n *network) snapshots(ctx context.Context, t *testing.T) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "state.snapshot")
	wants := func(what string, want int, args ...string) (says string) {
		t.Helper()
		out, err := n.librum(ctx, append([]string{"snapshot"}, args...)...)
		code := 0
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			code = exit.ExitCode()
		}
		if code != want {
			t.Errorf("%s: exit %d, want %d: %s, %v", what, code, want, out, err)
		}
		return fmt.Sprint(err)
	}
	four, two := n.of(3, "node.yaml"), n.of(1, "node.yaml")
	wants("of a running node", 3, "create", "--config", four, "--out", file)
	n.do(t, "kill", "node-4") //nolint:contextcheck // scripts run under the test's context
	wants("create", 0, "create", "--config", four, "--out", file)
	says := wants("into a keyspace that holds blocks", 3, "restore", "--config", four, "--genesis", n.digest, "--in", file)
	for _, text := range []string{"keyspace librum_", "in Cassandra at 127.0.0.1:", "holds blocks up to height ", "store.cassandra.keyspace", "--above "} {
		if !strings.Contains(says, text) {
			t.Errorf("into a keyspace that holds blocks: %q lacks %q", says, text)
		}
	}

	config, err := os.ReadFile(four)
	if err != nil {
		t.Fatal(err)
	}
	keyspace := fmt.Sprintf("librum_%.16s_", n.digest)
	// The keyspace of a fifth node is removed with the others.
	if err := os.WriteFile(four, []byte(strings.Replace(string(config), keyspace+"4", keyspace+"5", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	wants("for another genesis", 1, "restore", "--config", four, "--genesis", strings.Repeat("1", 64), "--in", file)
	wants("restore", 0, "restore", "--config", four, "--genesis", n.digest, "--in", file)
	// The jobs here are verified through node 3, which keeps all blocks.
	n.do(t, "kill", "node-2") //nolint:contextcheck // scripts run under the test's context
	before, err := n.clients[0].Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	wants("prune", 0, "prune", "--config", two, "--below", fmt.Sprint(before.Final))
	n.do(t, "run", "node-2") //nolint:contextcheck // scripts run under the test's context
	n.do(t, "run", "node-4") //nolint:contextcheck // scripts run under the test's context
	for _, i := range []int{1, 3} {
		n.until(ctx, t, fmt.Sprintf("node %d to be ready", i+1), func() error { return n.clients[i].Ready(ctx) })
		_, err := n.clients[i].Block(ctx, 1)
		if problem := (*client.Problem)(nil); !asProblem(err, &problem) || problem.Status != http.StatusGone {
			t.Errorf("block 1 of node %d: %v, want 410", i+1, err)
		}
	}
	n.job(t) //nolint:contextcheck // scripts run under the test's context
	after := n.equalHeads(ctx, t, before.Final+1)
	t.Logf("a snapshot and pruning at height %d, height %d at all nodes after", before.Final, after.Final)
}
