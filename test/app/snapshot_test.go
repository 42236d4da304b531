package app_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
)

// TestSnapshot carries the state of one node to another that lost its disk, has
// a third forget its past, and goes on with all of them.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "network")
	a := &assembly{T: t, dev: startDev(t, dir, 3, anyPort), dir: dir}
	a.train()
	file := filepath.Join(t.TempDir(), "state.snapshot")
	if _, code := output(t, nil, "snapshot", "create", "--dir", dir, "--node", "1", "--out", file); code != 3 {
		t.Errorf("a snapshot of a running node: exit %d, want 3", code)
	}
	a.end(t, syscall.SIGTERM)
	out, code := output(t, nil, "snapshot", "create", "--dir", dir, "--node", "1", "--out", file, "--json")
	if code != 0 {
		t.Fatalf("create: exit %d", code)
	}
	made := lastLine[struct {
		Height uint64 `json:"height"`
		Rows   uint64 `json:"rows"`
		Bytes  int64  `json:"bytes"`
	}](t, out)
	if info, err := os.Stat(file); err != nil || info.Size() != made.Bytes || made.Height < 2 || made.Rows == 0 {
		t.Fatalf("the snapshot: %+v, %v", made, err)
	}
	restore := func(from string, more ...string) []string {
		return append([]string{"snapshot", "restore", "--dir", dir, "--node", "2", "--in", from}, more...)
	}
	anchored := []string{"--genesis", a.genesis}
	store := filepath.Join(dir, "node-2", "store")
	damaged := filepath.Join(t.TempDir(), "damaged.snapshot")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(damaged, b, 0o600); err != nil {
		t.Fatal(err)
	}
	wants := func(what string, want int, args ...string) {
		t.Helper()
		if _, code := output(t, nil, args...); code != want {
			t.Errorf("%s: exit %d, want %d", what, code, want)
		}
	}
	wants("over a store that holds blocks", 3, restore(file, anchored...)...)
	if err := os.Rename(store, filepath.Join(t.TempDir(), "aside")); err != nil {
		t.Fatal(err)
	}
	wants("without an anchor", 2, restore(file)...)
	wants("another chain's anchor", 1, restore(file, "--genesis", strings.Repeat("ab", 32))...)
	wants("a damaged file", 1, restore(damaged, anchored...)...)
	wants("from below what is wanted", 1, restore(file, append(anchored, "--above", fmt.Sprint(made.Height+1))...)...)
	evidence, err := ledger.Encode(&lokka.Divergence{Height: made.Height})
	if err != nil {
		t.Fatal(err)
	}
	diverged := filepath.Join(dir, "node-2", "diverged.cbor")
	if err := os.WriteFile(diverged, evidence, 0o600); err != nil {
		t.Fatal(err)
	}
	wants("a node that diverged, without --above", 2, restore(file, anchored...)...)
	if err := os.Remove(diverged); err != nil {
		t.Fatal(err)
	}
	wants("restore", 0, restore(file, anchored...)...)
	wants("restore again", 3, restore(file, anchored...)...)

	prune := []string{"snapshot", "prune", "--dir", dir, "--node", "1", "--below", fmt.Sprint(made.Height)}
	wants("prune above what is there", 1, append(prune[:len(prune)-1:len(prune)-1], "1000000")...)
	wants("prune", 0, prune...)
	wants("a snapshot from below the floor", 3, "snapshot", "create", "--dir", dir, "--node", "1",
		"--height", fmt.Sprint(made.Height-1), "--out", filepath.Join(t.TempDir(), "low.snapshot"))
	again := filepath.Join(t.TempDir(), "again.snapshot")
	wants("a snapshot of the restored node", 0, "snapshot", "create", "--dir", dir, "--node", "2", "--out", again)
	if c, err := os.ReadFile(again); err != nil || !bytes.Equal(c[:64], b[:64]) {
		t.Errorf("the restored node's snapshot is another: %v", err)
	}
	wants("fsck", 0, "fsck", "--dir", dir)
	verifyFrom(t, a, made.Height)

	a.dev = startDev(t, dir, 3, anyPort)
	a.train() // takes the restored node's attestation like any other's, and blobs from wherever they are
	a.end(t, syscall.SIGTERM)
	verifyFrom(t, a, made.Height)
}

// verifyFrom wants the chain to be right and the floor to be told.
func verifyFrom(t *testing.T, a *assembly, floor uint64) {
	t.Helper()
	out, code := output(t, nil, "verify", "chain", "--dir", a.dir, "--genesis", a.genesis)
	if code != 0 || !strings.Contains(out, fmt.Sprintf("node-2: begins with block %d,", floor)) ||
		!strings.Contains(out, fmt.Sprintf("node-1: begins with block %d,", floor)) || strings.Contains(out, "node-0: begins") {
		t.Errorf("verify: exit %d\n%s", code, out)
	}
}
