package integration_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	queue "github.com/segmentio/kafka-go"

	"github.com/librum/librum/chain/order/kafka"
)

// nodeKills is how often TestNodesKilled kills one of four nodes.
var nodeKills = flag.Int("node-kills", 3, "how often TestNodesKilled and TestEnginesFail kill a node")

// TestNodesKilled kills nodes over Kafka and Pebble at random moments while they
// take payments; each comes back by itself to the same chain. Then the log loses
// records that all have executed, and at last all of them: nodes go on without the
// first, and stop for want of the others.
func TestNodesKilled(t *testing.T) {
	t.Setenv("LIBRUM_CLUSTER_STORE", "pebble")
	n := startNetwork(t)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute+time.Duration(*nodeKills)*time.Minute)
	defer cancel()
	p := n.pay(ctx, t)
	p.more(ctx, t, 5, 0, 1, 2, 3)
	n.killNodes(ctx, t, p, *nodeKills)

	l, err := kafka.Open(ctx, kafka.Config{Brokers: addresses(t, "LIBRUM_TEST_KAFKA"), Topic: n.topic()})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Trim(ctx, 20), l.Close()); err != nil {
		t.Fatal(err)
	}
	n.do(t, "kill", "node-2")
	n.do(t, "run", "node-2")
	n.recovers(ctx, t, p)
	p.settle(ctx, t)
	n.losesTopic(ctx, t)
}

// killNodes kills a node at a random moment, again and again.
func (n *network) killNodes(ctx context.Context, t *testing.T, p *payments, times int) {
	t.Helper()
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2))
	for range times {
		i := random.IntN(clusterNodes)
		p.more(ctx, t, 1+random.Int64N(20), i)
		name := fmt.Sprintf("node-%d", i+1)
		n.do(t, "kill", name) //nolint:contextcheck // scripts run under the test's context
		others := []int{(i + 1) % clusterNodes, (i + 2) % clusterNodes, (i + 3) % clusterNodes}
		p.more(ctx, t, 3, others...)
		n.do(t, "run", name) //nolint:contextcheck // scripts run under the test's context
		started := time.Now()
		n.recovers(ctx, t, p)
		t.Logf("%s killed: it takes payments again and is ready %s after it was started", name, time.Since(started).Round(100*time.Millisecond))
	}
}

// topic is the log of the network.
func (n *network) topic() string { return fmt.Sprintf("librum-%.16s-0", n.digest) }

// losesTopic deletes the log under running nodes, and has others find another one
// in its place: all stop, and say why and what to do. Nothing goes on after.
func (n *network) losesTopic(ctx context.Context, t *testing.T) {
	t.Helper()
	n.do(t, "kill", "node-4") //nolint:contextcheck // scripts run under the test's context
	four := n.node(ctx, t, 3)
	n.until(ctx, t, "node 4 to be ready", func() error { return n.clients[3].Ready(ctx) })
	brokers := addresses(t, "LIBRUM_TEST_KAFKA")
	admin := &queue.Client{Addr: queue.TCP(brokers...), Timeout: time.Minute}
	if r, err := admin.DeleteTopics(ctx, &queue.DeleteTopicsRequest{Addr: admin.Addr, Topics: []string{n.topic()}}); err != nil || r.Errors[n.topic()] != nil {
		t.Fatalf("delete the topic: %v, %v", err, r)
	}
	if code, said := four.wait(ctx); code != 1 || !strings.Contains(said, n.topic()) || !strings.Contains(said, "docs/runbooks/damage.md") {
		t.Errorf("a running node whose topic is gone: exit %d, %s", code, said)
	}
	n.until(ctx, t, "the other nodes to stop", func() error { //nolint:contextcheck // scripts run under the test's context
		for _, name := range []string{"node-1", "node-2", "node-3"} {
			if n.alive(t, name) {
				return errors.New(name + " runs")
			}
		}
		return nil
	})
	// The next start makes the topic, as that of a new network would.
	for range 2 { // before it is there, and after
		if code, said := n.node(ctx, t, 3).wait(ctx); code != 1 || !strings.Contains(said, "docs/runbooks/damage.md") {
			t.Errorf("a node before a topic that was made again: exit %d, %s", code, said)
		}
	}
}

// running is a node that the test runs itself, so that it sees how it ends.
type running struct {
	done chan struct{}
	err  error
	said bytes.Buffer
}

func (n *network) node(ctx context.Context, t *testing.T, i int) *running {
	t.Helper()
	p := &running{done: make(chan struct{})}
	cmd := exec.CommandContext(ctx, os.Getenv("LIBRUM_BIN"), "node", "--config", n.of(i, "node.yaml"))
	cmd.Stderr, cmd.WaitDelay = &p.said, time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended, in a test that went well
		<-p.done
	})
	return p
}

// wait waits for the end, and returns the exit code and the last lines of the log.
func (p *running) wait(ctx context.Context) (code int, said string) {
	select {
	case <-p.done:
	case <-ctx.Done():
		return -1, "it runs on"
	}
	code = 0
	if exit, ok := errors.AsType[*exec.ExitError](p.err); ok {
		code = exit.ExitCode()
	} else if p.err != nil {
		code = -1
	}
	text := p.said.String()
	return code, text[max(0, len(text)-3_000):]
}

// alive reports whether a process of the network runs.
func (n *network) alive(t testing.TB, name string) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join("..", "..", "tools", "cluster.sh"), "status")
	cmd.Env = append(os.Environ(), "LIBRUM_CLUSTER_DIR="+n.dir)
	out, _ := cmd.Output() // it says no as soon as one has ended
	return strings.Contains(string(out), name+" runs")
}
