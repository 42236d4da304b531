package integration_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store/cassandra"
	"github.com/librum/librum/chain/store/storetest"
)

// TestCassandraKilled kills Cassandra while blocks are applied, and leaves it dead for a
// while: the blocks wait, go on by themselves, and all of them are there, in
// another life too.
func TestCassandraKilled(t *testing.T) {
	opts := cassandra.Options{
		Hosts: addresses(t, "LIBRUM_TEST_CASSANDRA"), Keyspace: "broken_" + strings.ToLower(rand.Text()), Buckets: 4,
		Replication: "{'class': 'SimpleStrategy', 'replication_factor': 1}", Chain: ledger.Digest{1}, Node: ledger.ID{2},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	s, err := cassandra.Open(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	m := storetest.NewModel()
	const blocks, killAt = 10, 4 // the model compares each height with each other
	killing := make(chan struct{})
	var waited time.Duration
	for height := range uint64(blocks) {
		writes := map[string]string{}
		for i := range 10 {
			writes[fmt.Sprint("row ", (int(height)*7+i)%12)] = fmt.Sprint(height)
		}
		if height == killAt {
			go func() { // while this block and the next ones are applied
				defer close(killing)
				server("cassandra").kill(t)
				server("cassandra").run(t)
			}()
		}
		c, began := storetest.NewCommit(height, writes), time.Now()
		if err := s.Apply(ctx, c); err != nil {
			t.Fatal(err)
		}
		waited = max(waited, time.Since(began))
		m.Apply(c)
	}
	<-killing
	t.Logf("the longest wait for a block was %s", waited.Round(10*time.Millisecond))
	if waited < time.Second {
		t.Errorf("no block waited for Cassandra to come back")
	}
	if err := m.Compare(ctx, s); err != nil {
		t.Errorf("%.500s", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	again, err := cassandra.Open(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Compare(ctx, again); err != nil {
		t.Errorf("%.500s", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
