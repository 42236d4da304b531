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
}

func (l *counted) Append(_ context.Context, b []byte) (uint64, error) {
	r, _, err := ledger.ParseRecord(b)
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
		queues := newPipeline(64)
		n := &Node{log: log, pipeline: queues, flights: newFlights(queues.door)}
		n.config.Genesis, n.config.Now = &ledger.Genesis{}, time.Now
		n.seat.Store(&seat{key: identity.KeyFromSeed([32]byte{1})})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- n.batch(ctx) }()
		last := byte(0)
		send := func() Outcome {
			last++
			g := guest{admitted: admitted{id: ledger.Digest{last}, raw: []byte{last}}, member: ledger.ID{last}}
			group := &waitGroup{outcomes: make([]Outcome, 1), open: 1, done: make(chan struct{})}
			if err := n.flights.addAll(group, []guest{g}); err != nil {
				t.Fatal(err)
			}
			return Outcome{ID: g.id}
		}
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
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
