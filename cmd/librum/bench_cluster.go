package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"go.yaml.in/yaml/v3"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fullnode/config"
	"github.com/librum/librum/internal/durable"
	"github.com/librum/librum/localnet"
)

// benchCluster is the nodes of bench chain --separate, each a process.
type benchCluster struct {
	configurations []string // files
	running        []*benchNode
	chain          ledger.Digest
	token          string
	brokers        []string
	topic          string
	profile        string // of the first node; of the others with their number
	servers        []int
	started        bool
}

// layCluster writes what the nodes of a directory need to run by themselves.
func (b *benchChain) layCluster(ctx context.Context, dir localnet.Dir, secrets localnet.Secrets) (*benchCluster, error) {
	c := &benchCluster{brokers: b.kafka, profile: b.profile, servers: b.servers}
	var err error
	if _, c.chain, err = dir.LoadGenesis(); err != nil {
		return nil, err
	}
	if c.token, err = dir.ReadToken(); err != nil {
		return nil, err
	}
	c.topic = fmt.Sprintf("librum-bench-%.16s-%s", c.chain, strings.ToLower(rand.Text()))
	authorities := make([]string, b.nodes)
	if b.nodes > 1 {
		for i := range b.nodes {
			authorities[i] = filepath.Join(string(dir), "ca-"+strconv.Itoa(i)+".pem")
			if err := certifyNode(dir, secrets, c.chain, i, authorities[i]); err != nil {
				return nil, fmt.Errorf("certify node %d: %w", i, err)
			}
		}
	}
	for i := range b.nodes {
		f := config.Default()
		f.Dir, f.Genesis, f.Chain = dir.Node(i), dir.Genesis(), c.chain.String()
		f.Door.Listen = "127.0.0.1:0"
		f.Order.Local.Dir, f.Limits.Window, f.Log.Level = dir.Log(), b.window(), "warn"
		f.Search.Driver = b.search
		if len(b.kafka) > 0 {
			f.Order.Driver, f.Order.Kafka.Brokers, f.Order.Kafka.Topic = config.DriverKafka, b.kafka, c.topic
		}
		if b.nodes > 1 {
			if f.Mesh.Listen, err = freeAddress(ctx); err != nil {
				return nil, err
			}
			f.Mesh.Certificates, f.Mesh.Authorities = []string{certificateOf(dir, i)}, authorities
			f.Registry.File.Path = filepath.Join(string(dir), "registry.json")
		}
		text, err := yaml.Marshal(f)
		if err != nil {
			return nil, fmt.Errorf("configure node %d: %w", i, err)
		}
		path := filepath.Join(string(dir), "node-"+strconv.Itoa(i)+".yaml")
		if err := durable.WriteFile(path, text, 0o600); err != nil {
			return nil, fmt.Errorf("configure node %d: %w", i, err)
		}
		c.configurations = append(c.configurations, path)
	}
	return c, nil
}

func certificateOf(dir localnet.Dir, i int) string { return filepath.Join(dir.Node(i), "node.pem") }

// certifyNode makes the authority of a node's organisation and has it certify the
// node.
func certifyNode(dir localnet.Dir, secrets localnet.Secrets, chain ledger.Digest, i int, authorityFile string) error {
	now, organisation := time.Now(), secrets.ID(localnet.KindOrganisation, i)
	key := secrets.Key("authority", i)
	root, err := cert.NewRoot(cert.Root{
		Chain: chain, Organisation: organisation, Generation: 1, From: now.Add(-time.Hour), Until: now.AddDate(1, 0, 0),
	}, key, rand.Reader)
	if err != nil {
		return err
	}
	authority, err := cert.NewAuthority(root, key, rand.Reader)
	if err != nil {
		return err
	}
	asked := &cert.Request{
		Kind: cert.KindNode, Chain: chain, Organisation: organisation, ID: secrets.ID(localnet.KindNode, i), IPs: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	text, err := asked.MarshalRequest(secrets.Key(localnet.KindNode, i))
	if err != nil {
		return err
	}
	if asked, err = cert.ParseRequest(text, cert.KindNode, chain, 0, organisation); err != nil {
		return err
	}
	issued, err := authority.Issue(asked, now.Add(-time.Minute), now.AddDate(0, 0, 1))
	if err != nil {
		return err
	}
	if err := durable.WriteFile(authorityFile, cert.Marshal(root), 0o600); err != nil {
		return err
	}
	return durable.WriteFile(certificateOf(dir, i), cert.Marshal(issued), 0o600)
}

// freeAddress returns an address of this machine at which nobody listens.
func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// start starts all nodes, the first of which answers requests.
func (c *benchCluster) start(ctx context.Context, progress io.Writer) error {
	c.started = true
	for i, configuration := range c.configurations {
		profile := c.profile
		if profile != "" && i > 0 {
			profile += "-" + strconv.Itoa(i)
		}
		n, err := startBenchNode(ctx, configuration, c.token, profile, progress)
		if err != nil {
			return fmt.Errorf("node %d: %w", i, err)
		}
		c.running = append(c.running, n)
	}
	return nil
}

// close stops the nodes and removes their topic.
func (c *benchCluster) close(ctx context.Context) error {
	var errs []error
	for _, n := range c.running {
		errs = append(errs, n.stop())
	}
	if len(c.brokers) > 0 && c.started {
		errs = append(errs, c.removeTopic(ctx))
	}
	return errors.Join(errs...)
}

func (c *benchCluster) removeTopic(ctx context.Context) error {
	const patience = time.Minute
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience) // whatever ended the measurement
	defer cancel()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	admin := &kafka.Client{Addr: kafka.TCP(c.brokers...), Transport: transport, Timeout: patience}
	r, err := admin.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Addr: admin.Addr, Topics: []string{c.topic}})
	if err == nil {
		err = r.Errors[c.topic]
	}
	if errors.Is(err, kafka.UnknownTopicOrPartition) { // no node came so far as to make it
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove topic %s: %w", c.topic, err)
	}
	return nil
}

// killFirst kills the first node and returns how long after its new start it
// takes transactions.
func (c *benchCluster) killFirst(ctx context.Context, progress io.Writer) (time.Duration, error) {
	if err := c.running[0].kill(); err != nil {
		return 0, err
	}
	begin := time.Now()
	again, err := startBenchNode(ctx, c.configurations[0], c.token, "", progress)
	if err != nil {
		return 0, err
	}
	c.running[0] = again
	return time.Since(begin), nil
}

// settle waits until all nodes have in final blocks what the first has executed.
func (c *benchCluster) settle(ctx context.Context) error {
	next, err := c.running[0].position(ctx)
	if err != nil {
		return err
	}
	for i, n := range c.running {
		if err := n.settle(next); err != nil {
			return fmt.Errorf("node %d: %w", i, err)
		}
	}
	return nil
}

// clusterUsage is what all nodes used together; memory is the largest of them.
type clusterUsage struct {
	benchUsage

	Servers time.Duration // processor time of the servers beside them
}

func (c *benchCluster) usage() (sum clusterUsage, err error) {
	for i, n := range c.running {
		u, err := n.usage()
		if err != nil {
			return sum, fmt.Errorf("node %d: %w", i, err)
		}
		sum.CPU, sum.RSS, sum.Peak = sum.CPU+u.CPU, max(sum.RSS, u.RSS), max(sum.Peak, u.Peak)
	}
	for _, pid := range c.servers {
		cpu, err := cpuOf(pid)
		if err != nil {
			return sum, err
		}
		sum.Servers += cpu
	}
	return sum, nil
}

// describe says what was measured.
func (c *benchCluster) describe() string {
	text := "one node in a process of its own, whose processor time and memory stand here"
	if n := len(c.running); n > 1 {
		text = fmt.Sprintf("%d nodes in processes of their own, whose processor time stands here together, memory of the largest; the first was asked", n)
	}
	if len(c.brokers) > 0 {
		text += fmt.Sprintf("; ordered over Kafka at %s", strings.Join(c.brokers, ","))
	}
	return text
}

// cpuOf returns the user and system time that a process has used, from fields 14
// and 15 of its stat (proc(5)), in hundredths of a second.
func cpuOf(pid int) (time.Duration, error) {
	b, err := durable.ReadFile(fmt.Sprintf("/proc/%d/stat", pid), 4<<10)
	if err != nil {
		return 0, fmt.Errorf("read the processor time of process %d: %w", pid, err)
	}
	rest := b[bytes.LastIndexByte(b, ')')+1:] // the second field is a name, which may hold anything
	fields := strings.Fields(string(rest))
	if len(fields) < 13 {
		return 0, fmt.Errorf("read the processor time of process %d: its stat holds %q", pid, b)
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the processor time of process %d: %w", pid, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100), nil
}
