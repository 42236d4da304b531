package integration_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	queue "github.com/segmentio/kafka-go"

	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order/kafka"
	"github.com/librum/librum/fullnode/config"
	"github.com/librum/librum/fullnode/process"
	"github.com/librum/librum/localnet"
)

// single makes the material of a network of one node and returns its
// configuration, over a topic of its own.
func single(t *testing.T, brokers []string) config.Config {
	t.Helper()
	dir := localnet.Dir(t.TempDir())
	if err := localnet.Create(dir, localnet.SecretsFromSeed(9), localnet.Spec{Nodes: 1, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	_, chain, err := dir.LoadGenesis()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(string(dir), "node.yaml")
	text := "dir: node-0\nchain: " + chain.String() + "\ndoor: {listen: '127.0.0.1:0'}\n" +
		"order: {driver: kafka, kafka: {topic: librum-node-" + strings.ToLower(rand.Text()) + "}}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, []string{"LIBRUM_NODE_ORDER__KAFKA__BROKERS=" + strings.Join(brokers, ",")})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// plain is a client of the brokers that removes what the test makes.
func plain(t *testing.T, topic string) *queue.Client {
	t.Helper()
	admin := &queue.Client{Addr: queue.TCP(addresses(t, "LIBRUM_TEST_KAFKA")...), Timeout: time.Minute}
	t.Cleanup(func() {
		if _, err := admin.DeleteTopics(context.Background(), &queue.DeleteTopicsRequest{Addr: admin.Addr, Topics: []string{topic}}); err != nil {
			t.Error(err)
		}
	})
	return admin
}

func open(t *testing.T, c config.Config) (*process.Process, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return process.Open(ctx, c, process.Options{Logger: slog.New(slog.DiscardHandler)})
}

// TestSecureKafka runs a node that speaks TLS to Kafka and proves itself by a
// password from a file.
func TestSecureKafka(t *testing.T) {
	c := single(t, addresses(t, "LIBRUM_TEST_KAFKA_SECURE"))
	plain(t, c.Order.Kafka.Topic)
	password := filepath.Join(t.TempDir(), "password")
	write := func(text string) {
		if err := os.WriteFile(password, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.Order.Kafka.TLS = config.TLS{Enabled: true, CA: os.Getenv("LIBRUM_TEST_KAFKA_CA")}
	c.Order.Kafka.SASL = config.SASL{Mechanism: "SCRAM-SHA-512", User: os.Getenv("LIBRUM_TEST_KAFKA_USER"), PasswordFile: password}
	const wrong = "no such password"
	write(wrong)
	if _, err := open(t, c); err == nil || strings.Contains(err.Error(), wrong) || !strings.Contains(err.Error(), "order") {
		t.Errorf("a wrong password: %v", err)
	}
	write(os.Getenv("LIBRUM_TEST_KAFKA_PASSWORD") + "\n")
	p, err := open(t, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	waiting, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	// Whoever wants log time to move on appends a record.
	if err := p.Wake(waiting, time.Now().UnixMilli()); err != nil {
		t.Error(err)
	}
	if _, err := p.Await(waiting, func(s node.Status) bool { return s.Next > 0 }); err != nil {
		t.Error(err)
	}
	cancel()
	if err := errors.Join(<-done, p.Close()); err != nil {
		t.Error(err)
	}
}

// TestUnsafeTopicStopsANode makes a topic that could lose records: a node refuses
// it, and says what to change; doctor's look finds the same, and the flag that
// allows it is taken.
func TestUnsafeTopicStopsANode(t *testing.T) {
	c := single(t, addresses(t, "LIBRUM_TEST_KAFKA"))
	look := func() process.Engine {
		found, err := process.Look(t.Context(), c, process.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil || len(found) != 1 || found[0].Driver != config.DriverKafka {
			t.Fatalf("found %+v, %v", found, err)
		}
		return found[0]
	}
	if e := look(); e.Err != nil || !e.New {
		t.Errorf("no topic: %+v", e)
	}
	admin := plain(t, c.Order.Kafka.Topic)
	r, err := admin.CreateTopics(t.Context(), &queue.CreateTopicsRequest{Addr: admin.Addr, Topics: []queue.TopicConfig{{
		Topic: c.Order.Kafka.Topic, NumPartitions: 1, ReplicationFactor: 1,
		ConfigEntries: []queue.ConfigEntry{
			{ConfigName: "min.insync.replicas", ConfigValue: "1"},
			{ConfigName: "retention.ms", ConfigValue: "-1"},
			{ConfigName: "retention.bytes", ConfigValue: "-1"},
			{ConfigName: "message.timestamp.type", ConfigValue: "LogAppendTime"},
			{ConfigName: "compression.type", ConfigValue: "uncompressed"},
			{ConfigName: "max.message.bytes", ConfigValue: "16777216"},
			{ConfigName: "unclean.leader.election.enable", ConfigValue: "false"},
		},
	}}})
	if err == nil {
		err = r.Errors[c.Order.Kafka.Topic]
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, c); !errors.Is(err, kafka.ErrUnsafeTopic) || !strings.Contains(err.Error(), "1 replicas") ||
		!strings.Contains(err.Error(), "unsafe_single_broker") {
		t.Errorf("one replica: %v", err)
	}
	if e := look(); !errors.Is(e.Err, kafka.ErrUnsafeTopic) {
		t.Errorf("doctor's look at one replica: %+v", e)
	}
	c.Order.Kafka.UnsafeSingleBroker = true
	if e := look(); e.Err != nil || e.New {
		t.Errorf("doctor's look where it is allowed: %+v", e)
	}
	p, err := open(t, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
