package integration_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gocql/gocql"
	queue "github.com/segmentio/kafka-go"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/internal/durable"
)

// clusterNodes is how many nodes tools/cluster.sh starts.
const clusterNodes = 4

// network is four nodes of four organisations in processes of their own, as make
// cluster starts them.
type network struct {
	dir     string
	digest  string
	chain   ledger.Digest                // the digest
	clients [clusterNodes]*client.Client // an operator of each organisation
	once    [clusterNodes]*client.Client // the same, who asks once
}

// do runs the script of make cluster.
func (n *network) do(t testing.TB, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join("..", "..", "tools", "cluster.sh"), args...)
	cmd.Env = append(os.Environ(), "LIBRUM_CLUSTER_DIR="+n.dir)
	var errs strings.Builder
	cmd.Stderr, cmd.WaitDelay = &errs, time.Second // what it started has its standard output elsewhere
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("cluster.sh %v: %v\n%s%s", args, err, out, errs.String())
	}
	return string(out)
}

func startNetwork(t *testing.T) *network {
	t.Helper()
	needs := []string{"LIBRUM_TEST_KAFKA", "LIBRUM_TEST_ETCD", "LIBRUM_TEST_KUBO"}
	if !onPebble() {
		needs = append(needs, "LIBRUM_TEST_CASSANDRA")
	}
	for _, variable := range needs {
		addresses(t, variable)
	}
	if os.Getenv("LIBRUM_BIN") == "" {
		t.Skip("LIBRUM_BIN names no librum; see make test-integration")
	}
	n := &network{dir: filepath.Join(t.TempDir(), "cluster")}
	t.Cleanup(func() {
		n.do(t, "stop")
		if t.Failed() {
			n.keepLogs(t)
		}
		n.clean(t)
	})
	n.do(t, "start")
	if t.Failed() {
		t.FailNow()
	}
	n.digest = strings.TrimSpace(n.read(t, "digest"))
	chain, err := ledger.ParseDigest(n.digest)
	if err != nil {
		t.Fatal(err)
	}
	n.chain = chain
	for i := range n.clients {
		n.clients[i], n.once[i] = n.connect(t, i, 8), n.connect(t, i, -1)
	}
	return n
}

// connect returns a client of an organisation's operator at its node.
func (n *network) connect(t testing.TB, i, retries int) *client.Client {
	t.Helper()
	key, err := keyfile.Load(n.of(i, "node/members/operator-key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(n.url(t, i), "", client.Options{
		Roots: n.roots(t, i), Retries: retries,
		Identity: &client.Identity{Key: key, Chain: n.chain, Name: "integration test", Now: time.Now, Random: rand.Reader},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// roots are the certificates of an organisation's authority.
func (n *network) roots(t testing.TB, i int) *x509.CertPool {
	t.Helper()
	authorities, err := cert.ParseCertificates([]byte(n.read(t, fmt.Sprintf("org-%d/ca/ca.pem", i+1))))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	for _, a := range authorities {
		roots.AddCert(a)
	}
	return roots
}

// of is a path of an organisation.
func (n *network) of(i int, path string) string {
	return filepath.Join(n.dir, fmt.Sprintf("org-%d", i+1), filepath.FromSlash(path))
}

func (n *network) read(t testing.TB, path string) string {
	t.Helper()
	b, err := durable.ReadFile(filepath.Join(n.dir, filepath.FromSlash(path)), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// keepLogs keeps what the processes said.
func (n *network) keepLogs(t testing.TB) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(n.dir, "*", "log"))
	if err != nil {
		t.Error(err)
	}
	for _, path := range logs {
		b, err := durable.ReadFile(path, 64<<20)
		if err == nil {
			err = os.WriteFile(filepath.Join(t.ArtifactDir(), filepath.Base(filepath.Dir(path))+".log"), b, 0o600)
		}
		if err != nil {
			t.Error(err)
		}
		t.Logf("%s ends with\n%s", path, b[max(0, len(b)-2_000):])
	}
}

// onPebble reports whether the nodes keep their rows in a directory.
func onPebble() bool { return os.Getenv("LIBRUM_CLUSTER_STORE") == "pebble" }

// clean removes what the nodes left in the engines.
func (n *network) clean(t testing.TB) {
	t.Helper()
	if n.digest == "" {
		return
	}
	if !onPebble() {
		n.dropKeyspaces(t)
	}
	brokers := addresses(t, "LIBRUM_TEST_KAFKA")
	admin := &queue.Client{Addr: queue.TCP(brokers...), Timeout: time.Minute}
	if _, err := admin.DeleteTopics(context.Background(), &queue.DeleteTopicsRequest{Addr: admin.Addr, Topics: []string{n.topic()}}); err != nil {
		t.Error(err)
	}
}

func (n *network) dropKeyspaces(t testing.TB) {
	t.Helper()
	cluster := gocql.NewCluster(addresses(t, "LIBRUM_TEST_CASSANDRA")...)
	cluster.Timeout, cluster.ProtoVersion = 5*time.Minute, 4 // a change of the schema waits its turn
	session, err := cluster.CreateSession()
	if err != nil {
		t.Error(err)
		return
	}
	defer session.Close()
	for i := range len(n.clients) + 1 { // see snapshots
		if err := session.Query(fmt.Sprintf("DROP KEYSPACE IF EXISTS librum_%.16s_%d", n.digest, i+1)).Exec(); err != nil {
			t.Error(err)
		}
	}
}

// job has all peers train, and what came out verified through another node.
func (n *network) job(t *testing.T) {
	t.Helper()
	out := strings.TrimSpace(n.do(t, "job", "--json"))
	var verified struct {
		OK      bool   `json:"ok"`
		Verdict string `json:"verdict"`
		Checked struct {
			Rounds int `json:"rounds"`
		} `json:"checked"`
	}
	if err := json.Unmarshal([]byte(out[strings.LastIndex(out, "\n")+1:]), &verified); err != nil || !verified.OK || verified.Checked.Rounds != 3 {
		t.Fatalf("verified: %s, %v", out, err)
	}
	t.Log(out)
}

// await asks nodes until the condition holds of what they say, and returns what
// the first of them said then.
func (n *network) await(ctx context.Context, t *testing.T, condition func([]v1.Status) bool, nodes ...int) v1.Status {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		var last error
		all := make([]v1.Status, len(nodes))
		for i, node := range nodes {
			var err error
			all[i], err = n.clients[node].Status(ctx)
			last = errors.Join(last, err)
		}
		if last == nil && condition(all) {
			return all[0]
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the nodes say %+v, %v", all, last)
		}
	}
}

// equalHeads waits until all nodes have the same newest final header, of at least
// a height, and returns what they say.
func (n *network) equalHeads(ctx context.Context, t *testing.T, least uint64) v1.Status {
	t.Helper()
	return n.await(ctx, t, func(all []v1.Status) bool {
		return !slices.ContainsFunc(all, func(s v1.Status) bool {
			return s.Final < least || s.FinalHash != all[0].FinalHash || s.Diverged || !s.Signs
		})
	}, 0, 1, 2, 3)
}

// TestCluster runs four nodes of four organisations over Kafka, Cassandra, etcd
// and kubo: none of them knows the others' addresses, they sign each other's
// blocks, run a job with peers that another node proves, go on without one that
// was killed, and take it back, also from a snapshot.
func TestCluster(t *testing.T) {
	n := startNetwork(t)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	n.job(t)
	before := n.equalHeads(ctx, t, 1)
	for i := range n.clients {
		if config := n.read(t, fmt.Sprintf("org-%d/node.yaml", i+1)); strings.Count(config, "127.0.0.1") == 0 || strings.Contains(config, "PRIVATE") {
			t.Errorf("the configuration of node %d: %s", i+1, config)
		}
	}
	block, err := n.clients[0].Block(ctx, before.Final)
	if err != nil || len(block.Signatures) < 3 {
		t.Errorf("block %d has %d signatures, %v", before.Final, len(block.Signatures), err)
	}
	n.do(t, "kill", "node-4")
	n.do(t, "kill", "peer-4")
	// An act of a member's whose block three nodes make final.
	if out, err := exec.CommandContext(ctx, os.Getenv("LIBRUM_BIN"), "identity", "token", "create", "--genesis", n.digest,
		"--server", strings.TrimSpace(n.read(t, "org-2/url")), "--ca", n.of(1, "ca/ca.pem"), "--identity", n.of(1, "node/members/operator-key"),
		"--token-out", n.of(1, "token"), "--sign", "fl.CreateJob").CombinedOutput(); err != nil {
		t.Fatalf("with node 4 away: %v\n%s", err, out)
	}
	without := n.await(ctx, t, func(all []v1.Status) bool { return all[0].Final > before.Final }, 0)
	n.do(t, "run", "node-4")
	after := n.equalHeads(ctx, t, without.Final)
	t.Logf("height %d with all, %d without node 4, %d with it again", before.Final, without.Final, after.Final)
	n.snapshots(ctx, t)
}
