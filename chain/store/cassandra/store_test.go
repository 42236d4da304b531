package cassandra_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gocql/gocql"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/cassandra"
	"github.com/librum/librum/chain/store/storetest"
)

// cql runs a statement as an operator would, and returns how many rows it has.
func cql(t testing.TB, statement string, values ...any) int {
	t.Helper()
	session, err := outside()
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	rows := session.Query(statement, values...).Iter()
	count := rows.NumRows()
	if err := rows.Close(); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return count
}

func open(t testing.TB, opts cassandra.Options) *cassandra.Store {
	t.Helper()
	s, err := cassandra.Open(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t testing.TB, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	options(t)
	storetest.Run(t, func(t testing.TB) store.Store {
		t.Helper()
		return open(t, owned(t))
	})
}

// TestReopen finds everything again in another life, at every height.
func TestReopen(t *testing.T) {
	t.Parallel()
	opts, m := owned(t), storetest.NewModel()
	for height := range uint64(4) {
		s := open(t, opts)
		if err := m.Compare(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		c := storetest.NewCommit(height, map[string]string{"k": fmt.Sprint(height), fmt.Sprint("only ", height): ""})
		if height == 2 { // a block of several parts
			c.Block = make([]byte, 3<<20+5)
			c.Block[3<<20] = 1
		}
		if err := s.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		m.Apply(c)
		closeStore(t, s)
	}
	if err := m.Compare(t.Context(), open(t, opts)); err != nil {
		t.Fatal(err)
	}
}

// TestEras reads a hot row and a cold one across the ends of partitions, of which
// each has 1,024 heights.
func TestEras(t *testing.T) {
	t.Parallel()
	s := open(t, owned(t))
	const base, again, heights = 1020, 2045, 2055
	rows := []store.Row{{Key: []byte("cold"), Value: []byte("first")}, {Key: []byte("hot"), Value: fmt.Append(nil, base)}}
	begin := storetest.NewCommit(base, nil)
	begin.Transactions = nil
	if err := s.Restore(t.Context(), begin, nil, func(yield func(store.Row, error) bool) {
		_ = yield(rows[0], nil) && yield(rows[1], nil)
	}); err != nil {
		t.Fatal(err)
	}
	for height := uint64(base + 1); height < heights; height++ {
		writes := map[string]string{"hot": fmt.Sprint(height)}
		if height == again {
			writes["cold"] = "again"
		}
		if err := s.Apply(t.Context(), storetest.NewCommit(height, writes)); err != nil {
			t.Fatal(err)
		}
	}
	for _, height := range []uint64{base, base + 1, 1023, 1024, again - 1, again, 2047, 2048, heights - 1} {
		want := "first"
		if height >= again {
			want = "again"
		}
		if got, ok, err := s.Get(t.Context(), height, []byte("cold")); err != nil || !ok || string(got) != want {
			t.Errorf("cold row at %d is %q, %t, %v; want %q", height, got, ok, err, want)
		}
		if got, ok, err := s.Get(t.Context(), height, []byte("hot")); err != nil || !ok || string(got) != fmt.Sprint(height) {
			t.Errorf("hot row at %d is %q, %t, %v", height, got, ok, err)
		}
	}
	if _, _, err := s.Get(t.Context(), base-1, []byte("cold")); !errors.Is(err, store.ErrPruned) {
		t.Errorf("below the floor: %v, want ErrPruned", err)
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	opts := owned(t)
	s := open(t, opts)
	if err := s.Apply(t.Context(), storetest.NewCommit(0, nil)); err != nil {
		t.Fatal(err)
	}
	other := storetest.NewCommit(1, nil)
	other.Topic[0]++
	if err := s.Apply(t.Context(), other); !errors.Is(err, store.ErrWrongOwner) {
		t.Errorf("a commit of another log: %v, want ErrWrongOwner", err)
	}
	early := storetest.NewCommit(1, nil)
	early.NextOffset = 0
	if err := s.Apply(t.Context(), early); !errors.Is(err, store.ErrBadCommit) {
		t.Errorf("a commit at an earlier position: %v, want ErrBadCommit", err)
	}
	closeStore(t, s)
	for field, change := range map[string]func(*cassandra.Options){
		"chain": func(o *cassandra.Options) { o.Chain[0]++ },
		"shard": func(o *cassandra.Options) { o.Shard++ },
		"node":  func(o *cassandra.Options) { o.Node[0]++ },
		"log":   func(o *cassandra.Options) { o.Topic = ledger.ID{9} },
	} {
		changed := opts
		change(&changed)
		var owner *store.OwnerError
		if _, err := cassandra.Open(t.Context(), changed); !errors.As(err, &owner) || owner.Field != field {
			t.Errorf("another %s: %v, want OwnerError", field, err)
		}
	}
	opts.Topic, opts.Buckets = storetest.Topic, 7 // the keyspace has 3 and keeps them
	if a, ok, err := open(t, opts).Applied(t.Context()); err != nil || !ok || a.Height != 0 {
		t.Errorf("applied is %+v, %t, %v", a, ok, err)
	}
}

// TestCrash ends an apply after each of its statements, opens the keyspace
// again and finds the state of one height, whole: the one before as long as the
// commit was not staged, the new one from then on. Then it goes on.
func TestCrash(t *testing.T) {
	t.Parallel()
	options(t) // where there is no Cassandra, this test is skipped: a loop of skipped parts has no end
	for after, ended := 0, false; !ended && after <= 40; after++ {
		if !t.Run(fmt.Sprint(after), func(t *testing.T) { ended = crashAfter(t, after) }) {
			return
		}
		if !ended && after == 40 {
			t.Fatal("the apply never ends")
		}
	}
}

// crashAfter reports whether an apply ends before so many statements.
func crashAfter(t *testing.T, after int) (ended bool) {
	t.Helper()
	opts, m := owned(t), storetest.NewModel()
	opts.Writers = 1 // so that statements come one after the other
	s := open(t, opts)
	genesis := storetest.NewCommit(0, map[string]string{"a": "0", "b": "0"})
	if err := s.Apply(t.Context(), genesis); err != nil {
		t.Fatal(err)
	}
	m.Apply(genesis)
	next := storetest.NewCommit(1, map[string]string{"a": "1", "c": "1"})
	next.Writes = append(next.Writes, ledger.Write{Key: []byte("d"), Delete: true})
	cassandra.CrashAfter(s, after)
	err := s.Apply(t.Context(), next)
	ended = err == nil
	if !ended && !errors.Is(err, store.ErrFailed) {
		t.Fatalf("after %d statements: %v, want ErrFailed", after, err)
	}
	if _, _, err := s.Latest(t.Context(), []byte("a")); !ended && !errors.Is(err, store.ErrFailed) {
		t.Errorf("after %d statements: latest: %v, want ErrFailed", after, err)
	}
	closeStore(t, s)
	staged := after >= 2 // one part, and the head
	again := open(t, opts)
	if staged || ended {
		m.Apply(next)
	}
	if err := m.Compare(t.Context(), again); err != nil {
		t.Fatalf("after %d statements: %v", after, err)
	}
	if !staged && !ended {
		if err := again.Apply(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		m.Apply(next)
	}
	third := storetest.NewCommit(2, map[string]string{"a": "2"})
	if err := again.Apply(t.Context(), third); err != nil {
		t.Fatal(err)
	}
	m.Apply(third)
	if err := m.Compare(t.Context(), again); err != nil {
		t.Fatalf("after %d statements and another block: %v", after, err)
	}
	closeStore(t, again)
	return ended
}

// TestLateWrites sends rows of an earlier position once more, as a request that
// was lost on its way may come late: nothing changes.
func TestLateWrites(t *testing.T) {
	t.Parallel()
	opts, m := owned(t), storetest.NewModel()
	s := open(t, opts)
	for height := range uint64(3) {
		c := storetest.NewCommit(height, map[string]string{"k": fmt.Sprint(height)})
		if err := s.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		m.Apply(c)
	}
	if err := cassandra.WriteAgain(t.Context(), s, m.Commits[1]); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	if err := m.Compare(t.Context(), open(t, opts)); err != nil {
		t.Error(err)
	}
}

// TestDamage changes rows as somebody with access to the keyspace could: they
// are corrupt, never another value of the right form that is believed without
// being seen by an audit.
func TestDamage(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"latest":    "UPDATE %s.latest SET row = 0x07 WHERE bucket = 0 AND key = 0x6b",
		"version":   "INSERT INTO %s.versions (key, era, height, row) VALUES (0x6b, 5, 0, 0x0161)",
		"place":     "INSERT INTO %s.places (id, height, place, row) VALUES (0x01, 1, 0, 0x)",
		"applied":   "UPDATE %s.meta SET row = 0x00 WHERE name = 'applied'",
		"staged":    "INSERT INTO %s.staged (slot, part, row) VALUES (0, -1, 0x83190100015820" + strings.Repeat("00", 32) + ")",
		"schema":    "UPDATE %s.meta SET row = 0x00 WHERE name = 'schema'",
		"owner":     "UPDATE %s.meta SET row = 0x80 WHERE name = 'owner'",
		"header":    "INSERT INTO %s.headers (era, height, row) VALUES (1, 1, 0x00)",
		"signature": "INSERT INTO %s.signatures (era, height, node, row) VALUES (0, 1, 0x01, 0x00)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := owned(t)
			opts.Buckets = 1
			s := open(t, opts)
			for height := range uint64(2) {
				if err := s.Apply(t.Context(), storetest.NewCommit(height, map[string]string{"k": "v"})); err != nil {
					t.Fatal(err)
				}
			}
			closeStore(t, s)
			cql(t, fmt.Sprintf(statement, opts.Keyspace))
			damaged, err := cassandra.Open(t.Context(), opts)
			if err == nil {
				err = audit(damaged)
				closeStore(t, damaged)
			}
			if !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("%v, want ErrCorrupt", err)
			}
		})
	}
}

// audit looks at every row.
func audit(s store.Store) error {
	height := func(uint64) error { return nil }
	return s.Audit(context.Background(), store.Audit{
		Version:     func(uint64, ledger.Write) error { return nil },
		Latest:      func(uint64, store.Row) error { return nil },
		Transaction: func(ledger.Digest, uint64, uint32) error { return nil },
		Block:       height, Header: height,
		Signature: func(ledger.HeaderSignature) error { return nil },
	})
}

func TestLaterSchema(t *testing.T) {
	t.Parallel()
	opts := owned(t)
	closeStore(t, open(t, opts))
	cql(t, "UPDATE "+opts.Keyspace+".meta SET row = 0x00000063 WHERE name = 'schema'")
	if _, err := cassandra.Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "use a later one") {
		t.Errorf("schema 99: %v", err)
	}
}

// TestOlderSchema opens keyspaces that earlier programs left after so many steps, in
// the middle of one too: the missing ones are done, and the store is whole.
func TestOlderSchema(t *testing.T) {
	t.Parallel()
	steps := cassandra.Migrations()
	for _, done := range []int{0, 1, len(steps) - 1} {
		opts, m := fresh(t), storetest.NewModel()
		cql(t, "CREATE KEYSPACE "+opts.Keyspace+" WITH replication = "+opts.Replication)
		for _, step := range steps[:min(done+1, len(steps))] { // one more than it says
			cql(t, strings.Replace(step, "EXISTS ", "EXISTS "+opts.Keyspace+".", 1))
		}
		if done > 0 {
			cql(t, fmt.Sprintf("INSERT INTO %s.meta (name, row) VALUES ('schema', 0x%08x) USING TIMESTAMP %d", opts.Keyspace, done, done))
		}
		for height := range uint64(2) {
			s := open(t, opts)
			c := storetest.NewCommit(height, map[string]string{"k": fmt.Sprint(height)})
			if err := s.Apply(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			m.Apply(c)
			if err := m.Compare(t.Context(), s); err != nil {
				t.Errorf("from schema %d: %v", done, err)
			}
			closeStore(t, s)
		}
	}
}

func TestUnsafeKeyspace(t *testing.T) {
	t.Parallel()
	opts := fresh(t)
	closeStore(t, open(t, opts))
	cql(t, "ALTER KEYSPACE "+opts.Keyspace+" WITH durable_writes = false")
	if _, err := cassandra.Open(t.Context(), opts); !errors.Is(err, cassandra.ErrUnsafeKeyspace) {
		t.Errorf("without durable writes: %v, want ErrUnsafeKeyspace", err)
	}
}

// TestCorruptReads end at once: asking again would change nothing.
func TestCorruptReads(t *testing.T) {
	t.Parallel()
	opts := owned(t)
	opts.Buckets, opts.Patience = 1, time.Minute
	s := open(t, opts)
	if err := s.Apply(t.Context(), storetest.NewCommit(0, map[string]string{"k": "v"})); err != nil {
		t.Fatal(err)
	}
	cql(t, fmt.Sprintf("UPDATE %s.latest SET row = 0x07 WHERE bucket = 0 AND key = 0x6b", opts.Keyspace))
	cql(t, fmt.Sprintf("INSERT INTO %s.signatures (era, height, node, row) VALUES (0, 0, 0x01, 0x00)", opts.Keyspace))
	began := time.Now()
	if _, err := s.Scan(t.Context(), 0, nil, nil, 1); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("scan: %v, want ErrCorrupt", err)
	}
	if _, err := s.Signatures(t.Context(), 0); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("signatures: %v, want ErrCorrupt", err)
	}
	if took := time.Since(began); took > opts.Patience {
		t.Errorf("corrupt rows were known after %s", took)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	_, err := cassandra.Open(t.Context(), cassandra.Options{
		Keyspace: "drop table", Buckets: -1, Writers: 5000, Consistency: gocql.One, User: "librum", Password: "secret",
	})
	for _, want := range []string{"hosts: none", `keyspace: "drop table"`, "consistency: ONE", "without TLS", "buckets: -1", "writers: 5000"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}
