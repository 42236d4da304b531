package cassandra_test

import (
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/cassandra"
	"github.com/librum/librum/chain/store/storetest"
)

// TestPruneForgets cuts pruning short after each of its statements. A row that was
// set in an earlier era and deleted below the floor is not there at the floor in
// between, a row that stays deleted leaves nothing to scan over, and written anew it
// is found at each height.
func TestPruneForgets(t *testing.T) {
	t.Parallel()
	opts := owned(t)
	s := open(t, opts)
	base := storetest.NewCommit(1022, nil)
	base.Transactions = nil
	err := s.Restore(t.Context(), base, nil, func(yield func(store.Row, error) bool) {
		_ = yield(store.Row{Key: []byte("again"), Value: []byte("old")}, nil) && yield(store.Row{Key: []byte("gone"), Value: []byte("old")}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	apply := func(height uint64, writes ...ledger.Write) {
		t.Helper()
		c := storetest.NewCommit(height, nil)
		c.Writes = writes
		if err := s.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	set := func(key, value string) ledger.Write { return ledger.Write{Key: []byte(key), Value: []byte(value)} }
	apply(1023)
	apply(1024, ledger.Write{Key: []byte("again"), Delete: true}, ledger.Write{Key: []byte("gone"), Delete: true})
	apply(1025)
	apply(1026, set("again", "new"))

	rows := func(table, key string) int {
		return cql(t, "SELECT row FROM "+opts.Keyspace+"."+table+" WHERE key = ? ALLOW FILTERING", []byte(key))
	}
	for after, ended := 0, false; !ended; after++ {
		if after > 40 {
			t.Fatal("pruning does not end")
		}
		cassandra.CrashAfter(s, after)
		ended = s.Prune(t.Context(), 1025, nil) == nil
		if after == 0 {
			continue // the floor was not there
		}
		for _, key := range []string{"again", "gone"} {
			if got, ok, err := s.Get(t.Context(), 1025, []byte(key)); err != nil || ok {
				t.Fatalf("cut after %d statements: row %s is %q at the floor, error %v", after, key, got, err)
			}
		}
	}
	for _, table := range []string{"latest", "versions", "eras"} {
		if n := rows(table, "gone"); n != 0 {
			t.Errorf("%d rows of what is gone are left in table %s", n, table)
		}
	}
	cassandra.CrashAfter(s, 1<<30)
	apply(1027, set("gone", "back"))
	apply(1028, set("gone", "later"))
	for key, want := range map[string]string{"gone": "back", "again": "new"} {
		if got, ok, err := s.Get(t.Context(), 1027, []byte(key)); err != nil || !ok || string(got) != want {
			t.Errorf("row %s at height 1027 is %q, %t, %v; want %q", key, got, ok, err, want)
		}
	}
}
