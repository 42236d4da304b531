package cassandra_test

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gocql/gocql"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store/cassandra"
)

// keyspaces are lent from test to test, emptied in between: to make one is ten
// changes of the schema, a second each on a busy machine, and to drop it takes
// three more.
type keyspaces struct {
	mu   sync.Mutex
	made []string
	free []string
}

var lent keyspaces

// TestMain draws fewer cases than usual, and drops the keyspaces in the end.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("rapid.checks", "6"); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := lent.drop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func hosts() []string { return strings.Split(os.Getenv("LIBRUM_TEST_CASSANDRA"), ",") }

func outside() (*gocql.Session, error) {
	c := gocql.NewCluster(hosts()...)
	c.Timeout, c.ConnectTimeout = 5*time.Minute, time.Minute // a change of the schema waits its turn
	return c.CreateSession()
}

func (k *keyspaces) drop() (err error) {
	if len(k.made) == 0 {
		return nil
	}
	session, err := outside()
	if err != nil {
		return err
	}
	defer session.Close()
	for _, name := range k.made {
		err = errors.Join(err, session.Query("DROP KEYSPACE IF EXISTS "+name).Exec())
	}
	return err
}

// take returns an empty keyspace, or the name of one that is not there yet.
func (k *keyspaces) take() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := len(k.free); n > 0 {
		name := k.free[n-1]
		k.free = k.free[:n-1]
		return name
	}
	return k.name()
}

// name makes up a name, whose keyspace is dropped in the end. The lock is held.
func (k *keyspaces) name() string {
	name := "test_" + strings.ToLower(rand.Text())
	k.made = append(k.made, name)
	return name
}

// give takes a keyspace back and empties it. Truncating leaves no tombstones,
// which would hide rows of the same timestamps.
func (k *keyspaces) give(name string) error {
	session, err := outside()
	if err != nil {
		return err
	}
	defer session.Close()
	for _, table := range cassandra.Tables() {
		row := map[string]any{}
		err := session.Query("SELECT * FROM " + name + "." + table + " LIMIT 1").MapScan(row)
		if err == nil {
			err = session.Query("TRUNCATE " + name + "." + table).Exec()
		}
		if err != nil && !errors.Is(err, gocql.ErrNotFound) {
			return fmt.Errorf("empty %s.%s: %w", name, table, err)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.free = append(k.free, name)
	return nil
}

// owned returns options for a keyspace in a real Cassandra that is the test's
// alone until its end, or skips.
func owned(t testing.TB) cassandra.Options {
	t.Helper()
	opts := options(t)
	opts.Keyspace = lent.take()
	t.Cleanup(func() {
		if t.Failed() {
			return // who knows what is still under way in there
		}
		if err := lent.give(opts.Keyspace); err != nil {
			t.Error(err)
		}
	})
	return opts
}

// fresh returns options for a keyspace that is not there yet and is nobody else's
// after, for tests that change its schema.
func fresh(t testing.TB) cassandra.Options {
	t.Helper()
	opts := options(t)
	lent.mu.Lock()
	defer lent.mu.Unlock()
	opts.Keyspace = lent.name()
	return opts
}

func options(t testing.TB) cassandra.Options {
	t.Helper()
	if os.Getenv("LIBRUM_TEST_CASSANDRA") == "" {
		t.Skip("LIBRUM_TEST_CASSANDRA names no Cassandra; see make test-integration")
	}
	return cassandra.Options{
		Hosts: hosts(), Buckets: 3, Replication: "{'class': 'SimpleStrategy', 'replication_factor': 1}",
		Chain: ledger.Digest{1}, Node: ledger.ID{2},
	}
}
