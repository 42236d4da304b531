package integration_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	client "github.com/segmentio/kafka-go"

	"github.com/librum/librum/chain/order/kafka"
	"github.com/librum/librum/chain/order/ordertest"
)

// TestKafkaLosesBrokers kills the leader of a topic under load, twice: what was acknowledged is there, once,
// in order, and appending goes on by itself.
func TestKafkaLosesBrokers(t *testing.T) {
	brokers := addresses(t, "LIBRUM_TEST_KAFKA")
	topic := "librum-broken-" + strings.ToLower(rand.Text())
	l, err := kafka.Open(t.Context(), kafka.Config{Brokers: brokers, Topic: topic})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	load := startLoad(ctx, l)
	defer func() {
		cancel()
		load.group.Wait()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	cluster := &cluster{admin: &client.Client{Addr: client.TCP(brokers...), Transport: &client.Transport{MetadataTTL: time.Second}}, topic: topic}
	load.await(t, 200)
	for range 2 {
		leader := cluster.leader(t)
		leader.kill(t)
		killed := time.Now()
		before := load.acked.Load()
		load.await(t, before+200)
		t.Logf("killed %s: 200 more records of 4 writers were acknowledged after %s", leader, time.Since(killed).Round(10*time.Millisecond))
		leader.run(t)
		cluster.awaitInSync(ctx, t, 3)
	}
	close(load.stop)
	load.group.Wait()
	if err := load.check(ctx, l); err != nil {
		t.Error(err)
	}
}

// load is writers that append numbered records, one after the other.
type load struct {
	group   sync.WaitGroup
	stop    chan struct{}
	acked   atomic.Int64
	grown   chan struct{}
	offsets [4][]uint64 // by writer
	errs    [4]error
}

func startLoad(ctx context.Context, l *kafka.Log) *load {
	w := &load{stop: make(chan struct{}), grown: make(chan struct{}, 1)}
	for i := range w.offsets {
		w.group.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-w.stop:
					return
				default:
				}
				offset, err := l.Append(ctx, fmt.Appendf(nil, "%d/%d", i, n))
				if err != nil {
					w.errs[i] = err
					return
				}
				w.offsets[i] = append(w.offsets[i], offset)
				w.acked.Add(1)
				select {
				case w.grown <- struct{}{}:
				default:
				}
			}
		})
	}
	return w
}

// await waits until so many records are acknowledged.
func (w *load) await(t testing.TB, count int64) {
	t.Helper()
	timeout := time.After(time.Minute)
	for w.acked.Load() < count {
		select {
		case <-w.grown:
		case <-timeout:
			t.Fatalf("%d records are acknowledged after a minute, want %d", w.acked.Load(), count)
		}
	}
}

// check reads the topic: every acknowledged record at its offset, none twice.
func (w *load) check(ctx context.Context, l *kafka.Log) error {
	for i, err := range w.errs {
		if err != nil {
			return fmt.Errorf("writer %d: %w", i, err)
		}
	}
	all, err := ordertest.ReadAll(ctx, l, 0)
	if err != nil {
		return err
	}
	seen := map[string]int{}
	for offset, record := range all {
		if first, ok := seen[string(record)]; ok {
			return fmt.Errorf("record %s stands at %d and at %d", record, first, offset)
		}
		seen[string(record)] = offset
	}
	written := 0
	for i, offsets := range w.offsets {
		for n, offset := range offsets {
			record := fmt.Sprintf("%d/%d", i, n)
			if at, ok := seen[record]; !ok || uint64(at) != offset {
				return fmt.Errorf("record %s was acknowledged at %d, the topic has it at %d, %t", record, offset, at, ok)
			}
			if n > 0 && offset <= offsets[n-1] {
				return fmt.Errorf("record %s stands before the one appended before it", record)
			}
		}
		written += len(offsets)
	}
	if written != len(all) {
		return fmt.Errorf("the topic has %d records, %d were acknowledged", len(all), written)
	}
	return nil
}

type cluster struct {
	admin *client.Client
	topic string
}

func (c *cluster) partition(ctx context.Context) (client.Partition, error) {
	r, err := c.admin.Metadata(ctx, &client.MetadataRequest{Addr: c.admin.Addr, Topics: []string{c.topic}})
	if err != nil {
		return client.Partition{}, err
	}
	if len(r.Topics) != 1 || len(r.Topics[0].Partitions) != 1 {
		return client.Partition{}, fmt.Errorf("topic %s has no partition: %v", c.topic, r.Topics)
	}
	return r.Topics[0].Partitions[0], nil
}

func (c *cluster) leader(t testing.TB) server {
	t.Helper()
	p, err := c.partition(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return server(fmt.Sprintf("kafka-%d", p.Leader.ID))
}

// awaitInSync waits until so many replicas are in sync.
func (c *cluster) awaitInSync(ctx context.Context, t testing.TB, want int) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if p, err := c.partition(ctx); err == nil && len(p.Isr) == want {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("wait for %d replicas in sync: %v", want, ctx.Err())
		}
	}
}
