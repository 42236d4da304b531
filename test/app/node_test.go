package app_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/librum/librum/chain/ledger"
)

// founded is what genesis create prints.
type founded struct {
	Digest ledger.Digest `json:"digest"`
	Nodes  int           `json:"nodes"`
}

// TestGenesisOfSeveral begins a network of two organisations: both make the same
// file, and what was changed on the way is found.
func TestGenesisOfSeveral(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, o := range []string{"a", "b"} {
		if out, code := output(t, nil, "genesis", "part", "--dir", in(o), "--organisation", o, "--member", "officer=officer"); code != 0 ||
			strings.Contains(out, "PRIVATE") {
			t.Fatalf("part of %s: exit %d, %s", o, code, out)
		}
	}
	partA, partB := in("a/part.json"), in("b/part.json")
	create := func(name string, parts ...string) founded {
		out, code := output(t, nil, append([]string{
			"genesis", "create", "--name", "trial", "--time", "2026-11-01T00:00:00Z", "--json", "--output", in(name),
		}, parts...)...)
		if code != 0 {
			t.Fatalf("create: exit %d", code)
		}
		return lastLine[founded](t, out)
	}
	first := create("genesis.cbor", partA, partB)
	if second := create("again.cbor", partB, partA); second != first || first.Nodes != 2 {
		t.Errorf("two organisations made %+v and %+v", first, second)
	}
	other := create("other.cbor", partA)
	for want, args := range map[int][][]string{
		0: {
			{"show", in("genesis.cbor"), "--digest", first.Digest.String(), "--part", partA, "--part", partB},
		},
		1: {
			{"show", in("genesis.cbor"), "--digest", other.Digest.String()},
			{"show", in("other.cbor"), "--part", partB},
			{"show", partA},
		},
		2: {
			{"show"},
			{"show", in("genesis.cbor"), "--digest", "x"},
			{"part", "--dir", in("c"), "--organisation", "c", "--member", "officer"},
			{"part", "--organisation", "c"},
			{"create", "--name", "trial", "--output", in("genesis.cbor"), partA},
			{"create", "--name", "trial", "--output", in("new.cbor"), "--holder", "circulating=x", partA},
			{"create", "--name", "trial", "--output", in("new.cbor"), partA, partA},
		},
		3: {
			{"show", in("none.cbor")},
			{"create", "--name", "trial", "--output", in("new.cbor"), in("none.json")},
			{"part", "--dir", in("a"), "--organisation", "a"},
		},
	} {
		for _, a := range args {
			if out, code := output(t, nil, append([]string{"genesis"}, a...)...); code != want {
				t.Errorf("genesis %v: exit %d, want %d\n%s", a, code, want, out)
			}
		}
	}
}

// TestConfig checks files as an operator does before a start.
func TestConfig(t *testing.T) {
	t.Parallel()
	defaults, code := output(t, nil, "config", "defaults")
	if code != 0 {
		t.Fatalf("defaults: exit %d", code)
	}
	path := filepath.Join(t.TempDir(), "node.yaml")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	type checked struct {
		OK       bool     `json:"ok"`
		Problems []string `json:"problems"`
		Order    string   `json:"order"`
	}
	write(defaults)
	if out, code := output(t, nil, "config", "check", path, "--json"); code != 1 || len(lastLine[checked](t, out).Problems) != 1 {
		t.Errorf("defaults without a chain: exit %d", code)
	}
	write(strings.Replace(defaults, `chain: ""`, "chain: "+strings.Repeat("1", 64), 1))
	if out, code := output(t, nil, "config", "check", path, "--json"); code != 0 || lastLine[checked](t, out).Order != "local" {
		t.Errorf("defaults with a chain: exit %d", code)
	}
	if _, code := output(t, []string{"LIBRUM_NODE_ORDER__DRIVER=kafka"}, "config", "check", path); code != 1 {
		t.Errorf("kafka without brokers: exit %d, want 1", code)
	}
	if _, code := output(t, nil, "config", "check", path+"x"); code != 3 {
		t.Errorf("no file: exit %d, want 3", code)
	}
	for _, args := range [][]string{{"node"}, {"node", "--config", path + "x"}, {"node", "--config", path}, {"config", "check"}} {
		if _, code := output(t, nil, args...); code != 2 {
			t.Errorf("%v: exit %d, want 2", args, code)
		}
	}
}

// TestNode runs the node of a network of one organisation: founded, started,
// asked by a member whose token it made, stopped and started again.
func TestNode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if _, code := output(t, nil, "genesis", "part", "--dir", in("node"), "--organisation", "a",
		"--member", "officer=officer", "--member", "erika=auditor,member,operator"); code != 0 {
		t.Fatalf("part: exit %d", code)
	}
	out, code := output(t, nil, "genesis", "create", "--name", "trial", "--json", "--output", in("genesis.cbor"), in("node/part.json"))
	if code != 0 {
		t.Fatalf("create: exit %d", code)
	}
	digest := lastLine[founded](t, out).Digest
	text := fmt.Sprintf("dir: node\nchain: %s\ndoor: {listen: '%s'}\n", digest, anyPort)
	if err := os.WriteFile(in("node.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		cmd := command(t, []string{"LIBRUM_NODE_LOG__FORMAT=json"}, "node", "--config", in("node.yaml"))
		log, err := os.Create(filepath.Join(t.ArtifactDir(), fmt.Sprintf("node-%d.log", round)))
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = log
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		url := ""
		for lines := bufio.NewScanner(stdout); url == "" && lines.Scan(); {
			if base, ok := strings.CutPrefix(lines.Text(), "listening at "); ok {
				url = base
			}
		}
		if url == "" {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("the node does not listen: %s", text)
		}
		at := []string{"--server", url, "--genesis", digest.String()}
		token := in(fmt.Sprintf("token-%d", round))
		if _, code := output(t, nil, slices.Concat([]string{"identity", "token", "create"}, at, []string{
			"--identity", in("node/members/erika-key"), "--token-out", token, "--sign", "fl.CancelJob,fl.CreateJob",
		})...); code != 0 {
			t.Errorf("token: exit %d", code)
		}
		if _, code := output(t, nil, slices.Concat([]string{"verify", "chain"}, at, []string{"--token-file", token})...); code != 0 {
			t.Errorf("verify: exit %d", code)
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the node ended with %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("the node has not ended 30 s after SIGTERM")
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	}
}
