package node

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/order"
)

// counted is a log that keeps how many transactions each record has.
type counted struct {
	order.Log

	mu      sync.Mutex
	records []int
	gate    chan struct{} // an append waits for it; nil: not
}

func (l *counted) Append(_ context.Context, b []byte) (uint64, error) {
	r, _, err := ledger.ParseRecord(b)
	if l.gate != nil {
		<-l.gate
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, len(r.Transactions))
	return uint64(len(l.records)), err
}

func (l *counted) is(t *testing.T, when string, want ...int) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.records, want) {
		t.Errorf("%s: records of %v transactions, want %v", when, l.records, want)
	}
}

// TestGather holds that transactions of several gather for the gap and no longer,
// and that one which is alone waits for nothing.
func TestGather(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &counted{}
		n, send, end := batching(t, log)
		defer end()
		under := []Outcome{send()}
		log.is(t, "alone, the first", 1)
		n.flights.land(under)
		send()
		log.is(t, "alone, right after", 1, 1)
		send()
		log.is(t, "two under way", 1, 1)
		time.Sleep(recordGap / 2)
		send()
		log.is(t, "half a gap later", 1, 1)
		time.Sleep(recordGap / 2)
		log.is(t, "a gap after the last record", 1, 1, 2)
	})
}

// batching is a node that appends to the log what is sent.
func batching(t *testing.T, log order.Log) (n *Node, send func() Outcome, end func()) {
	t.Helper()
	queues := newPipeline(64)
	n = &Node{log: log, pipeline: queues, flights: newFlights(queues.door)}
	n.config.Genesis, n.config.Now = &ledger.Genesis{}, time.Now
	n.seat.Store(&seat{key: identity.KeyFromSeed([32]byte{1})})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.batch(ctx) }()
	last := byte(0)
	send = func() Outcome {
		last++
		g := guest{admitted: admitted{id: ledger.Digest{last}, raw: []byte{last}}, member: ledger.ID{last}}
		group := &waitGroup{outcomes: make([]Outcome, 1), open: 1, done: make(chan struct{})}
		if err := n.flights.addAll(group, []guest{g}); err != nil {
			t.Fatal(err)
		}
		return Outcome{ID: g.id}
	}
	return n, send, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestExecutedElsewhere has a log that takes its time, and another node whose copies of
// what waits for it are executed meanwhile: they are not appended from here.
func TestExecutedElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &counted{gate: make(chan struct{})}
		n, send, end := batching(t, log)
		defer end()
		pass := func() {
			synctest.Wait()
			log.gate <- struct{}{}
			time.Sleep(recordGap)
		}
		first := send()
		synctest.Wait() // it is being appended
		second, third, fourth := send(), send(), send()
		n.flights.land([]Outcome{second, fourth})
		pass()
		pass()
		log.is(t, "two of three executed elsewhere", 1, 1)
		n.flights.land([]Outcome{first, third})
		fifth := send()
		synctest.Wait()
		sixth, seventh := send(), send()
		n.flights.land([]Outcome{fifth, sixth, seventh})
		pass()
		log.is(t, "both executed elsewhere", 1, 1, 1)
		eighth := send()
		pass()
		log.is(t, "one that was not", 1, 1, 1, 1)
		n.flights.land([]Outcome{eighth})
	})
}
