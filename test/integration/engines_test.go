package integration_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/client"
	"github.com/librum/librum/internal/durable"
)

// everyFault has TestEnginesFail take every engine both ways.
var everyFault = flag.Bool("every-fault", false, "TestEnginesFail stops and kills every engine, not each in one way")

// pauseTime is how long an engine is stopped.
const pauseTime = 30 * time.Second

// engine is one of those that nodes stand on.
type engine struct {
	stage   string // as doctor names it
	servers []server
	// waits is what a node says that can't go on without it; empty: nodes go on.
	waits string
}

var engines = []engine{
	{stage: "store", servers: []server{"cassandra"}, waits: "the node's store does not answer"},
	{stage: "order", servers: []server{"kafka-1", "kafka-2", "kafka-3"}, waits: "the log takes no records"},
	{stage: "registry", servers: []server{"etcd-1", "etcd-2", "etcd-3"}},
	{stage: "blob", servers: []server{"kubo-1", "kubo-2"}},
}

// TestEnginesFail takes each engine away from under four nodes that take
// payments: stopped for half a minute, in which it keeps its connections and says
// nothing, and killed. Without etcd and kubo the chain goes on; without Kafka or
// Cassandra it waits, and doctor, readyz and metrics say so; with them it goes on
// by itself. Then nodes are killed. What was acknowledged is there, once, and all
// nodes have the same headers. At last the log is lost, and they stop.
func TestEnginesFail(t *testing.T) {
	// Reads that fail before the pause is over show whether a node gives up for it.
	t.Setenv("LIBRUM_NODE_STORE__CASSANDRA__PATIENCE", "10s")
	n := startNetwork(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute+time.Duration(*nodeKills)*time.Minute)
	defer cancel()
	for i := range n.clients {
		// Without its store a node answers to those alone whom it saw before.
		if _, err := n.metric(ctx, t, i, "librum_store_wait_seconds"); err != nil {
			t.Fatal(err)
		}
		if _, err := n.once[i].Status(ctx); err != nil {
			t.Fatal(err)
		}
	}
	p := n.pay(ctx, t)
	p.more(ctx, t, 5, 0, 1, 2, 3)
	for _, e := range engines {
		if *everyFault || e.waits != "" {
			n.paused(ctx, t, p, e)
		}
		if *everyFault || e.waits == "" {
			n.killed(ctx, t, p, e)
		}
		if t.Failed() {
			break
		}
	}
	n.killNodes(ctx, t, p, *nodeKills)
	p.settle(ctx, t)
	if !t.Failed() {
		n.losesTopic(ctx, t)
	}
}

// paused stops an engine for a while and looks at what is said meanwhile.
func (n *network) paused(ctx context.Context, t *testing.T, p *payments, e engine) {
	t.Helper()
	began := time.Now()
	pause := time.NewTimer(pauseTime)
	defer pause.Stop()
	for _, s := range e.servers {
		s.pause(t) //nolint:contextcheck // scripts run under the test's context
	}
	defer func() { //nolint:contextcheck // scripts run under the test's context
		for _, s := range e.servers { // a failed test too must leave them running
			s.resume(t)
		}
	}()
	if e.waits == "" {
		p.more(ctx, t, 5, 0, 1, 2, 3)
	} else {
		n.saysAway(ctx, t, e)
	}
	n.doctorFinds(ctx, t, e)
	<-pause.C
	for _, s := range e.servers {
		s.resume(t) //nolint:contextcheck // scripts run under the test's context
	}
	resumed := time.Now()
	n.recovers(ctx, t, p)
	t.Logf("%s stopped for %s: payments through all nodes and all ready %s later", e.stage,
		resumed.Sub(began).Round(time.Second), time.Since(resumed).Round(100*time.Millisecond))
}

// killed kills an engine and starts it again.
func (n *network) killed(ctx context.Context, t *testing.T, p *payments, e engine) {
	t.Helper()
	for _, s := range e.servers {
		s.kill(t) //nolint:contextcheck // scripts run under the test's context
	}
	if e.waits == "" {
		p.more(ctx, t, 5, 0, 1, 2, 3)
	}
	for _, s := range e.servers {
		s.run(t) //nolint:contextcheck // scripts run under the test's context
	}
	started := time.Now()
	n.recovers(ctx, t, p)
	t.Logf("%s killed: payments through all nodes and all ready %s after it was started again", e.stage, time.Since(started).Round(100*time.Millisecond))
}

// recovers waits until payments go through every node, and all are ready.
func (n *network) recovers(ctx context.Context, t *testing.T, p *payments) {
	t.Helper()
	p.more(ctx, t, 5, 0, 1, 2, 3)
	for i, c := range n.clients {
		n.until(ctx, t, fmt.Sprintf("node %d to be ready", i+1), func() error { return c.Ready(ctx) })
	}
}

// saysAway wants every node to say that it waits, and what for.
func (n *network) saysAway(ctx context.Context, t *testing.T, e engine) {
	t.Helper()
	gauge := map[string]string{"store": "librum_store_wait_seconds", "order": "librum_log_wait_seconds"}[e.stage]
	for i, c := range n.once {
		n.until(ctx, t, fmt.Sprintf("node %d to be not ready for %s", i+1, e.stage), func() error {
			if name := fmt.Sprintf("node-%d", i+1); !n.alive(t, name) { //nolint:contextcheck // scripts run under the test's context
				t.Fatalf("%s has ended", name)
			}
			err := c.Ready(ctx)
			if problem := (*client.Problem)(nil); !asProblem(err, &problem) || problem.Status != http.StatusServiceUnavailable || !strings.Contains(problem.Detail, e.waits) {
				return fmt.Errorf("readyz: %w", errors.Join(err, errors.New("want 503 with "+e.waits)))
			}
			return nil
		})
		if waits, err := n.metric(ctx, t, i, gauge); err != nil || waits < 5 {
			t.Errorf("node %d waits for %s: %s is %g, %v", i+1, e.stage, gauge, waits, err)
		}
		if e.stage != "store" {
			continue
		}
		_, err := c.Blocks(ctx, client.Page{})
		if problem := (*client.Problem)(nil); !asProblem(err, &problem) || problem.Code() != "store_away" || problem.Status != http.StatusServiceUnavailable {
			t.Errorf("node %d without its store is asked for blocks: %v", i+1, err)
		}
		if _, err := c.Status(ctx); err != nil {
			t.Errorf("node %d without its store is asked for its status: %v", i+1, err)
		}
	}
}

// metric reads one value of a node's metrics.
func (n *network) metric(ctx context.Context, t *testing.T, i int, name string) (float64, error) {
	t.Helper()
	token, err := durable.ReadFile(n.token(ctx, t, i), 1<<10)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url(t, i)+"/metrics", http.NoBody)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: n.roots(t, i)}}}
	defer web.CloseIdleConnections()
	answer, err := web.Do(request)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return 0, err
	}
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s: %s", answer.Status, text)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("no %s in\n%s", name, text)
}

// doctorFinds wants doctor to find that engine away, and no other.
func (n *network) doctorFinds(ctx context.Context, t *testing.T, e engine) {
	t.Helper()
	out, err := n.librum(ctx, "doctor", "--config", n.of(0, "../org-1/node.yaml"), "--json")
	var found struct {
		Checks []struct {
			Name  string `json:"name"`
			State string `json:"state"`
		} `json:"checks"`
	}
	if jsonErr := json.Unmarshal([]byte(out), &found); jsonErr != nil || err == nil {
		t.Errorf("doctor without %s: %s, %v, %v", e.stage, out, jsonErr, err)
		return
	}
	states := map[string]string{}
	for _, c := range found.Checks {
		states[c.Name] = c.State
	}
	for _, other := range engines {
		if want := map[bool]string{true: "bad", false: "ok"}[other.stage == e.stage]; states[other.stage] != want {
			t.Errorf("doctor without %s says that %s is %q, want %s: %s", e.stage, other.stage, states[other.stage], want, out)
		}
	}
}

func asProblem(err error, p **client.Problem) bool { return errors.As(err, p) }
