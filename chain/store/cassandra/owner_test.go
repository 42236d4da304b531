package cassandra_test

import (
	"errors"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/cassandra"
	"github.com/librum/librum/chain/store/storetest"
)

// TestOwnersAtOnce: two nodes find the same new keyspace empty and claim it. Whatever
// the order of their statements, at most one commits, and it keeps its keyspace.
func TestOwnersAtOnce(t *testing.T) {
	t.Parallel()
	opts := owned(t)
	first := open(t, opts)
	other := opts
	other.Node = ledger.ID{0xff} // its row is the larger one, and so wins of two claims

	// The other one has read that there is no owner, and claims once the first has
	// committed.
	if err := first.Apply(t.Context(), storetest.NewCommit(0, nil)); err != nil {
		t.Fatal(err)
	}
	if err := cassandra.Claim(t.Context(), first, other); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a claim of a keyspace with a commit: %v, want ErrLocked", err)
	}
	closeStore(t, first)
	if a, ok, err := open(t, opts).Applied(t.Context()); err != nil || !ok || a.Height != 0 {
		t.Errorf("after a late claim: applied is %+v, %t, %v", a, ok, err)
	}
	var wrong *store.OwnerError
	if _, err := cassandra.Open(t.Context(), other); !errors.As(err, &wrong) || wrong.Field != "node" {
		t.Errorf("the one that came late: %v, want OwnerError", err)
	}
}

func TestOwnerReplacedBeforeTheFirstCommit(t *testing.T) {
	t.Parallel()
	opts := owned(t)
	first := open(t, opts)
	other := opts
	other.Node = ledger.ID{0xff}
	if err := cassandra.Claim(t.Context(), first, other); err != nil {
		t.Fatal(err)
	}
	if err := first.Apply(t.Context(), storetest.NewCommit(0, nil)); !errors.Is(err, store.ErrWrongOwner) {
		t.Errorf("a commit in what another has claimed: %v, want ErrWrongOwner", err)
	}
}
