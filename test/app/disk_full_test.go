package app_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/librum/librum/client"
	"github.com/librum/librum/localnet"
)

// smallDisk mounts a file system of so many bytes until the test ends, or skips.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "size="+size+",mode=0700"); err != nil {
		t.Skipf("a file system of its own can't be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all space that is left but so many bytes, and returns what to remove.
func fill(t *testing.T, dir string, leave uint64) string {
	t.Helper()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		t.Fatal(err)
	}
	free := disk.Bavail * uint64(disk.Bsize)
	if free < leave {
		t.Fatalf("%d bytes are free, want %d", free, leave)
	}
	path := filepath.Join(dir, "ballast")
	if err := os.WriteFile(path, make([]byte, free-leave), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDiskFull runs a node whose disk, with log and store, fills up while clients
// pay: it stops with exit code 1 and says what is missing, and starts no more, with
// exit code 3. With space again it goes on: what clients were told holds, and what they were not told happens once when
// it is sent again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(smallDisk(t, "64m"), "network")
	p := &payments{secrets: localnet.SecretsFromSeed(4)}
	if err := localnet.Create(localnet.Dir(dir), p.secrets, localnet.Spec{Nodes: 1, Accounts: 2, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	var err error
	if _, p.chain, err = localnet.Dir(dir).LoadGenesis(); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "node.yaml")
	text := "dir: node-0\nchain: " + p.chain.String() + "\ndoor: {listen: '127.0.0.1:0'}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var ballast string
	for life := range 3 { // full twice, and with space again
		n := startNode(t, config)
		if life == 2 {
			p.settle(t, n.client(t, dir))
			n.end(t)
			break
		}
		p.settle(t, n.client(t, dir))
		p.limit, p.grown = len(p.told)+20, make(chan struct{})
		var clients sync.WaitGroup
		for range 4 {
			c := n.client(t, dir)
			clients.Go(func() {
				if err := p.load(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		select {
		case <-p.grown:
		case <-n.done:
			t.Fatalf("the node ended early: %s", n.said(t))
		}
		ballast = fill(t, filepath.Dir(dir), 256<<10)
		select {
		case <-n.done:
		case <-time.After(3 * time.Minute):
			t.Fatal("the node runs on over a full disk")
		}
		clients.Wait()
		if code := n.cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(n.said(t), "no space left on device") {
			t.Errorf("over a full disk: exit %d, %s", code, n.said(t))
		}
		if life == 0 && len(p.open) == 0 {
			t.Error("no client was in the middle of a payment")
		}
		startFails(t, config, "no space left on device")
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d payments, the disk full twice", p.sent)
	if p.sent < 40 {
		t.Errorf("%d payments", p.sent)
	}
}

// ownNode is a librum node that the test runs.
type ownNode struct {
	*dev

	log string
}

// startNode starts a node and waits until it listens.
func startNode(t *testing.T, config string) *ownNode {
	t.Helper()
	n := &ownNode{dev: &dev{cmd: command(t, nil, "node", "--config", config, "--json"), done: make(chan struct{})}, log: filepath.Join(t.TempDir(), "log")}
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	n.cmd.Stderr = log
	if err := errors.Join(n.cmd.Start(), log.Close()); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var start struct {
		URL string `json:"url"`
	}
	if err == nil {
		err = json.Unmarshal(line, &start)
	}
	go func() {
		_ = n.cmd.Wait() // how it ends is the test's doing
		close(n.done)
	}()
	if err != nil {
		<-n.done
		t.Fatalf("the node does not listen: %v\n%s", err, n.said(t))
	}
	n.base = start.URL
	return n
}

// startFails starts a node that can't, and must end by itself with exit code 3, say
// why and little more.
func startFails(t *testing.T, config, why string) {
	t.Helper()
	cmd := command(t, nil, "node", "--config", config)
	said, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(string(said), why) || strings.Count(string(said), "\n") > 10 {
		t.Errorf("a start that fails: %v, exit %d, want 3 and %q:\n%.2000s", err, code, why, said)
	}
}

// said returns the last that the node logged.
func (n *ownNode) said(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(n.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text[max(0, len(text)-1_000):])
}

func (n *ownNode) client(t *testing.T, dir string) *client.Client {
	t.Helper()
	return openOnce(t, dir, n.dev)
}

func (n *ownNode) end(t *testing.T) {
	t.Helper()
	n.dev.end(t, syscall.SIGTERM)
	if code := n.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("stopped: exit %d, %s", code, n.said(t))
	}
}
