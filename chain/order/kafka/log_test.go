package kafka_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	client "github.com/segmentio/kafka-go"
	"go.uber.org/goleak"

	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/order/kafka"
	"github.com/librum/librum/chain/order/ordertest"
)

// brokers returns the addresses of real brokers, or skips.
func brokers(t testing.TB) []string {
	t.Helper()
	list := os.Getenv("LIBRUM_TEST_KAFKA")
	if list == "" {
		t.Skip("LIBRUM_TEST_KAFKA names no brokers; see make test-integration")
	}
	return strings.Split(list, ",")
}

// TestMain draws fewer cases than usual where there are brokers: each makes a topic on three brokers.
func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv("LIBRUM_TEST_KAFKA") != "" {
		if err := flag.Set("rapid.checks", "15"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// topicName returns a name that is not in use; the topic is removed in the end.
func topicName(t testing.TB) string {
	t.Helper()
	name := "librum-test-" + strings.ToLower(rand.Text())
	t.Cleanup(func() {
		transport := &client.Transport{}
		admin := &client.Client{Addr: client.TCP(brokers(t)...), Transport: transport}
		if _, err := admin.DeleteTopics(context.Background(), &client.DeleteTopicsRequest{Addr: admin.Addr, Topics: []string{name}}); err != nil {
			t.Errorf("remove topic %s: %v", name, err)
		}
		transport.CloseIdleConnections()
	})
	return name
}

// admin returns a client for what the driver does not do.
func admin(t testing.TB) *client.Client {
	t.Helper()
	transport := &client.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &client.Client{Addr: client.TCP(brokers(t)...), Transport: transport}
}

func open(t testing.TB, c kafka.Config) *kafka.Log {
	t.Helper()
	l, err := kafka.Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return l
}

func TestConformance(t *testing.T) {
	t.Parallel()
	addresses := brokers(t)
	ordertest.Run(t, func(t testing.TB) order.Log {
		t.Helper()
		return open(t, kafka.Config{Brokers: addresses, Topic: topicName(t)})
	})
}

// TestReopen finds the same topic, its records and its end in another life.
func TestReopen(t *testing.T) {
	t.Parallel()
	config := kafka.Config{Brokers: brokers(t), Topic: topicName(t)}
	first := open(t, config)
	if _, err := first.Append(t.Context(), []byte("a")); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open(t, config)
	if offset, err := second.Append(t.Context(), []byte("b")); err != nil || offset != 1 {
		t.Fatalf("offset %d, %v; want 1", offset, err)
	}
	all, err := ordertest.ReadAll(t.Context(), second, 0)
	if err != nil || string(bytes.Join(all, nil)) != "ab" || second.Topic() != first.Topic() {
		t.Fatalf("read %q of topic %s, %v; it was topic %s", all, second.Topic(), err, first.Topic())
	}
}

// TestTLSAndSCRAM speaks to the listener that takes nothing else.
func TestTLSAndSCRAM(t *testing.T) {
	t.Parallel()
	brokers(t)
	pem, err := os.ReadFile(os.Getenv("LIBRUM_TEST_KAFKA_CA"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate in LIBRUM_TEST_KAFKA_CA")
	}
	config := kafka.Config{
		Brokers: strings.Split(os.Getenv("LIBRUM_TEST_KAFKA_SECURE"), ","), Topic: topicName(t),
		TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13},
		SASL: &kafka.SASL{
			Mechanism: "SCRAM-SHA-512", User: os.Getenv("LIBRUM_TEST_KAFKA_USER"), Password: os.Getenv("LIBRUM_TEST_KAFKA_PASSWORD"),
		},
	}
	l := open(t, config)
	if _, err := l.Append(t.Context(), []byte("secret")); err != nil {
		t.Fatal(err)
	}
	if err := l.Trim(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Read(t.Context(), 0, 1); !errors.Is(err, order.ErrTrimmed) {
		t.Errorf("read of a trimmed record: %v, want ErrTrimmed", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	wrong := config
	wrong.SASL = &kafka.SASL{Mechanism: "SCRAM-SHA-512", User: config.SASL.User, Password: "guess"}
	if _, err := kafka.Open(ctx, wrong); !errors.Is(err, client.SASLAuthenticationFailed) {
		t.Errorf("another password: %v, want SASLAuthenticationFailed", err)
	} else if strings.Contains(err.Error(), "guess") {
		t.Errorf("the error shows the password: %v", err)
	}
	untrusted := config
	untrusted.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
	var unknown x509.UnknownAuthorityError
	if _, err := kafka.Open(ctx, untrusted); !errors.As(err, &unknown) {
		t.Errorf("a certificate that nobody trusts: %v", err)
	}
}

// TestUnsafeTopics are refused, with all their faults; topics that the driver
// makes are not.
func TestUnsafeTopics(t *testing.T) {
	t.Parallel()
	addresses := brokers(t)
	for name, c := range map[string]struct {
		topic  client.TopicConfig
		unsafe bool
		want   []string
	}{
		"defaults": {topic: client.TopicConfig{NumPartitions: 2, ReplicationFactor: 1}, want: []string{
			"it has 2 partitions, want 1", "it has 1 replicas, want 3", "retention.ms is", "max.message.bytes is",
			`compression.type is "producer", want uncompressed`, `message.timestamp.type is "CreateTime", want LogAppendTime`,
		}},
		"compacted": {
			topic: client.TopicConfig{NumPartitions: 1, ReplicationFactor: 3, ConfigEntries: []client.ConfigEntry{
				{ConfigName: "cleanup.policy", ConfigValue: "compact"},
				{ConfigName: "retention.ms", ConfigValue: "-1"},
				{ConfigName: "max.message.bytes", ConfigValue: "900000000"},
				{ConfigName: "min.insync.replicas", ConfigValue: "1"},
				{ConfigName: "unclean.leader.election.enable", ConfigValue: "true"},
			}},
			want: []string{
				`cleanup.policy is "compact", want delete`, `unclean.leader.election.enable is "true", want false`,
				`max.message.bytes is "900000000", want 1114112 to 16777216`, `min.insync.replicas is "1", want 2 or more`,
			},
		},
		"single broker": {
			topic: client.TopicConfig{NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: []client.ConfigEntry{
				{ConfigName: "retention.ms", ConfigValue: "-1"},
				{ConfigName: "max.message.bytes", ConfigValue: "9000000"},
				{ConfigName: "min.insync.replicas", ConfigValue: "1"},
				{ConfigName: "compression.type", ConfigValue: "uncompressed"},
				{ConfigName: "message.timestamp.type", ConfigValue: "LogAppendTime"},
			}},
			unsafe: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.topic.Topic = topicName(t)
			admin := admin(t)
			r, err := admin.CreateTopics(t.Context(), &client.CreateTopicsRequest{Addr: admin.Addr, Topics: []client.TopicConfig{c.topic}})
			if err != nil || r.Errors[c.topic.Topic] != nil {
				t.Fatal(err, r.Errors)
			}
			l, err := kafka.Open(t.Context(), kafka.Config{Brokers: addresses, Topic: c.topic.Topic, UnsafeSingleBroker: c.unsafe})
			if len(c.want) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				if err := l.Close(); err != nil {
					t.Error(err)
				}
				return
			}
			var unsafe *kafka.UnsafeTopicError
			if !errors.As(err, &unsafe) || !errors.Is(err, kafka.ErrUnsafeTopic) {
				t.Fatalf("%v, want UnsafeTopicError", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

// TestMissingOnce has one broker say that there is no such topic, as one that just
// started may. What the leader answers afterwards outweighs it, or another such
// answer, days later, would pass for the topic's removal.
func TestMissingOnce(t *testing.T) {
	t.Parallel()
	l := open(t, kafka.Config{Brokers: brokers(t), Topic: topicName(t)})
	if _, err := l.Append(t.Context(), []byte("a")); err != nil {
		t.Fatal(err)
	}
	wait, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	for name, ask := range map[string]func() error{
		"end": func() error {
			_, err := l.End(t.Context())
			return err
		},
		"a read that waits": func() error {
			if _, err := l.Read(wait, 1, 1); !errors.Is(err, context.DeadlineExceeded) {
				return fmt.Errorf("it ended with %w", err)
			}
			return nil
		},
	} {
		kafka.SeenMissing(l, time.Now().Add(-time.Hour))
		if err := ask(); err != nil || kafka.IsMissing(l) {
			t.Errorf("%s: %v, and the topic is still taken for missing: %t", name, err, kafka.IsMissing(l))
		}
	}
}

// TestBomb has a member of the network send a few bytes that unpack to more than
// any reader can hold. They never get onto the topic, whose readers would all
// unpack them, again after every start.
func TestBomb(t *testing.T) {
	t.Parallel()
	config := kafka.Config{Brokers: brokers(t), Topic: topicName(t)}
	l, admin := open(t, config), admin(t)
	r, err := admin.Produce(t.Context(), &client.ProduceRequest{
		Addr: admin.Addr, Topic: config.Topic, RequiredAcks: client.RequireAll, Compression: client.Zstd,
		Records: client.NewRecordReader(client.Record{Value: client.NewBytes(make([]byte, 16<<20))}),
	})
	if err == nil {
		err = r.Error
	}
	if !errors.Is(err, client.MessageSizeTooLarge) && !errors.Is(err, client.RecordListTooLarge) {
		t.Errorf("16 MiB in a small batch: %v, want a refusal for its size", err)
	}
	if end, err := l.End(t.Context()); err != nil || end != 0 {
		t.Errorf("the topic ends at %d, %v; want 0", end, err)
	}
}

// TestWrongClock appends where a client's clock is of no use: brokers refuse
// times ahead of theirs, and forget producers whose last record looks old.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	config := kafka.Config{Brokers: brokers(t), Topic: topicName(t)}
	l := open(t, config)
	before := time.Now()
	if _, err := l.Append(t.Context(), []byte("a")); err != nil {
		t.Fatal(err)
	}
	admin := admin(t)
	r, err := admin.ListOffsets(t.Context(), &client.ListOffsetsRequest{Addr: admin.Addr, Topics: map[string][]client.OffsetRequest{
		config.Topic: {client.TimeOffsetOf(0, before.Add(-time.Minute))},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if of := r.Topics[config.Topic]; len(of) != 1 || of[0].Error != nil || !slices.Contains(slices.Collect(maps.Keys(of[0].Offsets)), 0) {
		t.Errorf("records since a minute ago: %+v, want the one at offset 0 at the broker's time", of)
	}
}

// TestTopicMadeAgain removes the topic of an open log and makes another of the
// same name, with more records in it than the first: reading, waiting and
// appending all end with evidence.
func TestTopicMadeAgain(t *testing.T) {
	t.Parallel()
	config := kafka.Config{Brokers: brokers(t), Topic: topicName(t)}
	l := open(t, config)
	if _, err := l.Append(t.Context(), []byte("first life")); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() {
		_, err := l.Read(context.Background(), 1, 1)
		waiting <- err
	}()
	admin := admin(t)
	r, err := admin.DeleteTopics(t.Context(), &client.DeleteTopicsRequest{Addr: admin.Addr, Topics: []string{config.Topic}})
	if err != nil || r.Errors[config.Topic] != nil {
		t.Fatal(err, r.Errors)
	}
	again := openAgain(t, config, l)
	for i := range 3 {
		if _, err := again.Append(t.Context(), fmt.Appendf(nil, "second life %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-waiting; !errors.Is(err, order.ErrCorrupt) {
		t.Errorf("waiting read: %v, want ErrCorrupt", err)
	}
	_, endErr := l.Read(t.Context(), 0, 1)
	_, appendErr := l.Append(t.Context(), []byte("x"))
	for name, err := range map[string]error{"read": endErr, "append": appendErr} {
		if !errors.Is(err, order.ErrCorrupt) || !strings.Contains(err.Error(), l.Topic().String()) {
			t.Errorf("%s: %v, want ErrCorrupt that names the topic's first id", name, err)
		}
	}
	if _, err := l.Append(t.Context(), []byte("x")); !errors.Is(err, order.ErrFailed) {
		t.Errorf("append afterwards: %v, want ErrFailed", err)
	}
}

// openAgain opens the topic until it is another than that of l: brokers forget
// one step by step.
func openAgain(t *testing.T, config kafka.Config, l *kafka.Log) *kafka.Log {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		again, err := kafka.Open(ctx, config)
		switch {
		case err != nil && ctx.Err() != nil:
			t.Fatalf("open the topic again: %v", err)
		case err != nil:
			continue
		case again.Topic() != l.Topic():
			t.Cleanup(func() { _ = again.Close() })
			return again
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLostAnswers lets every third answer get lost on its way, of all kinds: the
// broker has done what it was asked and the client does not know. Each record
// stands on the topic once, where Append said.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	var answers, lost atomic.Int64
	config := kafka.WithDial(kafka.Config{Brokers: brokers(t), Topic: topicName(t)}, func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return &lossy{Conn: conn, answers: &answers, lost: &lost}, err
	})
	l := open(t, config)
	var want [][]byte
	for i := range 30 {
		record := fmt.Appendf(nil, "record %d", i)
		if offset, err := l.Append(t.Context(), record); err != nil || offset != uint64(i) {
			t.Fatalf("append of record %d: offset %d, %v", i, offset, err)
		}
		want = append(want, record)
	}
	all, err := ordertest.ReadAll(t.Context(), l, 0)
	if err != nil || !slices.EqualFunc(all, want, bytes.Equal) {
		t.Errorf("the topic holds %q, %v; want %q", all, err, want)
	}
	if lost.Load() < 5 {
		t.Errorf("%d answers to records were lost, want some", lost.Load())
	}
}

// lossy closes the connection instead of yielding an answer, every third time
// that records were sent.
type lossy struct {
	net.Conn
	answers, lost *atomic.Int64
	sent          atomic.Bool
}

func (c *lossy) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("record ")) {
		c.sent.Store(true)
	}
	return c.Conn.Write(b)
}

func (c *lossy) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b) // the broker has answered, so it has done it
	if err == nil && c.sent.Swap(false) && c.answers.Add(1)%3 == 0 {
		c.lost.Add(1)
		return 0, errors.Join(io.ErrUnexpectedEOF, c.Close())
	}
	return n, err
}

// TestProduceTimeout reads how long brokers are told to wait for their replicas.
// A busy cluster that was given half a second said no, got the batch again, and
// was busier still.
func TestProduceTimeout(t *testing.T) {
	t.Parallel()
	var told atomic.Int64
	l := open(t, kafka.WithDial(kafka.Config{Brokers: brokers(t), Topic: topicName(t)}, func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return &overheard{Conn: conn, told: &told}, err
	}))
	if _, err := l.Append(t.Context(), []byte("record")); err != nil {
		t.Fatal(err)
	}
	if got := time.Duration(told.Load()) * time.Millisecond; got < 4*time.Second || got > 10*time.Second {
		t.Errorf("brokers are told to wait %v for their replicas, want about 5 s", got)
	}
}

// overheard keeps the timeout of requests to take records (API 0), which stands
// behind the client's id, the id of a transaction and the acks.
type overheard struct {
	net.Conn
	told *atomic.Int64
}

func (c *overheard) Write(b []byte) (int, error) {
	if len(b) > 14 && binary.BigEndian.Uint16(b[4:]) == 0 {
		at := 14 + int(binary.BigEndian.Uint16(b[12:])) + 2 + 2
		if len(b) >= at+4 {
			c.told.Store(int64(binary.BigEndian.Uint32(b[at:])))
		}
	}
	return c.Conn.Write(b)
}

// TestConfig reports all problems at once, and asks nobody.
func TestConfig(t *testing.T) {
	t.Parallel()
	_, err := kafka.Open(t.Context(), kafka.Config{SASL: &kafka.SASL{Mechanism: "GSSAPI"}})
	for _, want := range []string{"brokers: none is named", "topic: its name has 0 characters", `mechanism "GSSAPI" is not known`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	_, err = kafka.Open(t.Context(), kafka.Config{Brokers: []string{"x:1"}, Topic: "t", SASL: &kafka.SASL{Mechanism: "PLAIN"}})
	if err == nil || !strings.Contains(err.Error(), "use TLS") {
		t.Errorf("PLAIN without TLS: %v", err)
	}
}

// TestUnsettledCluster has a log that is opened ask again while brokers come and go,
// and take any other answer for what it is.
func TestUnsettledCluster(t *testing.T) {
	t.Parallel()
	refused := errors.New("connection refused")
	for _, c := range []struct {
		answers []error
		want    error
	}{
		{[]error{fmt.Errorf("ask: %w", client.BrokerNotAvailable), client.LeaderNotAvailable, client.UnknownTopicOrPartition, nil}, nil},
		{[]error{client.NotController, client.TopicAuthorizationFailed}, client.TopicAuthorizationFailed},
		{[]error{refused}, refused},
	} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			err := kafka.UntilKnown(t.Context(), func(context.Context) error { asked++; return c.answers[asked-1] })
			if !errors.Is(err, c.want) || asked != len(c.answers) {
				t.Errorf("%v: asked %d times, %v", c.answers, asked, err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := kafka.UntilKnown(t.Context(), func(context.Context) error { return client.BrokerNotAvailable })
		if waited := time.Since(began); !errors.Is(err, client.BrokerNotAvailable) || waited < 20*time.Second || waited > time.Minute {
			t.Errorf("brokers that never come: %v after %s", err, waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := kafka.UntilKnown(ctx, func(context.Context) error { return client.BrokerNotAvailable }); !errors.Is(err, context.DeadlineExceeded) ||
			!errors.Is(err, client.BrokerNotAvailable) {
			t.Errorf("a caller that gives up: %v", err)
		}
	})
}
