package node_test

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gocql/gocql"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/cassandra"
)

// stops is how often TestCrashOnCassandra breaks off all nodes.
var stops = flag.Int("stops", 3, "how often TestCrashOnCassandra breaks off all nodes")

// onCassandra returns what opens the stores of some nodes, counted from the first, in
// a real Cassandra, each in a keyspace of its own that goes with the test, or skips.
// Other nodes have their stores elsewhere.
func onCassandra(t *testing.T, first, nodes int) func(f *fleet, i int) (store.Store, error) {
	t.Helper()
	list := os.Getenv("LIBRUM_TEST_CASSANDRA")
	if list == "" {
		t.Skip("LIBRUM_TEST_CASSANDRA names no Cassandra; see make test-integration")
	}
	name := "fleet_" + strings.ToLower(rand.Text())
	hosts := strings.Split(list, ",")
	t.Cleanup(func() {
		c := gocql.NewCluster(hosts...)
		c.Timeout, c.ConnectTimeout = 5*time.Minute, time.Minute
		session, err := c.CreateSession()
		if err != nil {
			t.Error(err)
			return
		}
		defer session.Close()
		for i := first; i < first+nodes; i++ {
			if err := session.Query(fmt.Sprintf("DROP KEYSPACE IF EXISTS %s_%d", name, i)).Exec(); err != nil {
				t.Error(err)
			}
		}
	})
	return func(f *fleet, i int) (store.Store, error) {
		if i < first || i >= first+nodes {
			return nil, nil //nolint:nilnil // it has none here
		}
		s, err := cassandra.Open(t.Context(), cassandra.Options{
			Hosts: hosts, Keyspace: fmt.Sprintf("%s_%d", name, i), Buckets: 2,
			Replication: "{'class': 'SimpleStrategy', 'replication_factor': 1}", Chain: f.chain.ID, Node: aplostest.NodeID(i),
		})
		if err != nil {
			return nil, err // and no store that is a nil pointer
		}
		return s, nil
	}
}

// TestSameLogSameChainOnCassandra has nodes that never ran execute a log with 1, 2
// and 7 workers over Cassandra: their headers are those of the group, which
// executed it as it grew over Pebble.
func TestSameLogSameChainOnCassandra(t *testing.T) {
	t.Parallel()
	workers := []int{1, 2, 7}
	f := newFleet(t, options{
		extra: len(workers), accounts: 60, blockTransactions: 50, openStore: onCassandra(t, 4, len(workers)),
		config: func(i int, c *node.Config) {
			if i >= 4 {
				c.Workers, c.ReadAhead = workers[i-4], cassandra.ReadAhead
			}
		},
	})
	f.start(0, 1, 2, 3)
	defer f.close()
	last := f.randomTransfers(10, 60)
	f.start(4, 5, 6)
	f.final(last)
	if height := f.sameHeaders(); height < 10 {
		t.Errorf("the headers were compared up to height %d", height)
	}
}

// TestCrashOnCassandra breaks off all nodes at a random moment, again and again, in
// the middle of whatever they are writing: each finishes what it had staged. What
// a client was told holds afterwards at every node, what it was not told happens
// once when it is sent again, and all nodes have the headers of one that executes
// the log undisturbed, over Pebble.
func TestCrashOnCassandra(t *testing.T) {
	t.Parallel()
	f := newFleet(t, options{blockTransactions: 3, extra: 1, openStore: onCassandra(t, 0, 4)})
	random, all := mathrand.New(mathrand.NewPCG(uint64(time.Now().UnixNano()), 1)), &acknowledged{}
	for range *stops {
		f.start(0, 1, 2, 3)
		resend(f, all)
		checkAcknowledged(f, all.snapshot())
		all.limit, all.reached = len(all.outcomes)+1+random.IntN(25), make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		for i := range 4 {
			clients.Go(func() {
				for ctx.Err() == nil {
					raw := f.transfer(i, (i+1)%4, 1)
					all.send(raw)
					outcomes, err := f.node(i).Submit(ctx, [][]byte{raw})
					if err != nil {
						return
					}
					all.told(outcomes[0])
				}
			})
		}
		select {
		case <-all.reached:
		case <-time.After(patience):
			t.Error("the load stands still")
		}
		f.breakOff()
		cancel()
		clients.Wait()
		f.forget()
	}
	f.start(0, 1, 2, 3)
	resend(f, all)
	f.start(4)
	checkAcknowledged(f, all.snapshot())
	last := f.submit(1, f.transfer(0, 0, 0))[0].Position
	f.final(last)
	for i := range f.members {
		sum := ledger.Amount{}
		for account := range 4 {
			balance, err := token.Balance(f.node(i).State(t.Context()), f.chain.Account(account))
			if err != nil {
				t.Fatal(err)
			}
			sum, _ = sum.Plus(balance)
		}
		if sum.Cmp(ledger.NewAmount(4*aplostest.Balance)) != 0 {
			t.Errorf("node %d: all accounts together have %s", i, sum)
		}
	}
	if height := f.sameHeaders(); height < 3 {
		t.Errorf("height %d", height)
	}
	t.Logf("%d transfers, %d acknowledged before the nodes were broken off %d times", len(all.sent), len(all.outcomes), *stops)
	f.close()
}

// breakOff ends all nodes at once, whatever they are doing.
func (f *fleet) breakOff() {
	f.Helper()
	for _, m := range f.members {
		if m.node != nil {
			m.stop()
		}
	}
	for i, m := range f.members {
		if m.node == nil {
			continue
		}
		m.cut()
		// A block that was being written is not known to be: the store says so.
		if err := <-m.done; err != nil && !errors.Is(err, store.ErrFailed) {
			f.Errorf("node %d: %v", i, err)
		}
	}
}

// forget closes the stores of nodes that were broken off.
func (f *fleet) forget() {
	f.Helper()
	for i, m := range f.members {
		if m.node == nil {
			continue
		}
		m.node = nil
		if err := m.store.Close(); err != nil {
			f.Errorf("node %d: %v", i, err)
		}
	}
}
