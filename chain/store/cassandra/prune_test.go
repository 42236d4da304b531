package cassandra_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/cassandra"
	"github.com/librum/librum/chain/store/storetest"
)

// TestPruneCrash ends pruning after each statement. What is at or above the floor
// is there, and pruning again leaves what an undisturbed one leaves.
func TestPruneCrash(t *testing.T) {
	t.Parallel()
	options(t) // where there is no Cassandra, this test is skipped: a loop of skipped parts has no end
	for after, ended := 0, false; !ended; after += 4 {
		if !t.Run(fmt.Sprint(after), func(t *testing.T) { ended = pruneCrash(t, after) }) {
			return
		}
	}
}

// pruneCrash reports whether pruning ends before so many statements.
func pruneCrash(t *testing.T, after int) (ended bool) {
	t.Helper()
	opts, m := owned(t), storetest.NewModel()
	opts.Writers = 1 // nothing is under way when it ends
	s := open(t, opts)
	for height := range uint64(5) {
		c := storetest.NewCommit(height, map[string]string{"a": fmt.Sprint(height), fmt.Sprint("only ", height): ""})
		if height == 1 || height == 2 {
			c.Writes = append(c.Writes, ledger.Write{Key: []byte("z"), Delete: height == 2})
		}
		if err := s.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		m.Apply(c)
	}
	cassandra.CrashAfter(s, after)
	ended = s.Prune(t.Context(), 3, []uint64{1}) == nil
	closeStore(t, s)
	again := open(t, opts)
	if err := again.Prune(t.Context(), 3, []uint64{1}); err != nil {
		t.Fatal(err)
	}
	m.Prune(3, []uint64{1})
	if err := m.Compare(t.Context(), again); err != nil {
		t.Fatalf("ended after %d statements: %v", after, err)
	}
	closeStore(t, again)
	return ended
}

// TestRestoreCrash ends restoring after each statement: the keyspace is empty, or
// says that it is of no use, or is whole.
func TestRestoreCrash(t *testing.T) {
	t.Parallel()
	options(t) // where there is no Cassandra, this test is skipped: a loop of skipped parts has no end
	for after, ended := 0, false; !ended; after++ {
		if !t.Run(fmt.Sprint(after), func(t *testing.T) { ended = restoreCrash(t, after) }) {
			return
		}
	}
}

// restoreCrash reports whether restoring ends before so many statements.
func restoreCrash(t *testing.T, after int) (ended bool) {
	t.Helper()
	base := storetest.NewCommit(3, nil)
	base.Transactions = nil
	opts := owned(t)
	opts.Writers = 1
	s := open(t, opts)
	cassandra.CrashAfter(s, after)
	err := s.Restore(t.Context(), base, []store.Past{{Height: 1, Header: []byte("header 1")}}, func(yield func(store.Row, error) bool) {
		_ = yield(store.Row{Key: []byte("a"), Value: []byte("v")}, nil)
	})
	ended = err == nil
	closeStore(t, s)
	again, err := cassandra.Open(t.Context(), opts)
	switch {
	case after == 0:
		if err != nil {
			t.Fatal(err)
		}
		if _, ok, err := again.Applied(t.Context()); ok || err != nil {
			t.Errorf("ended before anything: %t, %v", ok, err)
		}
	case !ended:
		if !errors.Is(err, store.ErrPartial) {
			t.Errorf("ended after %d statements: %v, want ErrPartial", after, err)
		}
		return ended
	case err != nil:
		t.Fatal(err)
	default:
		if a, ok, err := again.Applied(t.Context()); !ok || err != nil || a.Floor != 3 {
			t.Errorf("restored: %+v, %t, %v", a, ok, err)
		}
	}
	closeStore(t, again)
	return ended
}
