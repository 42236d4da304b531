package cassandra_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/cassandra"
	"github.com/librum/librum/chain/store/storetest"
)

// interleavings returns all orders of two sequences of n steps: which of the two goes.
func interleavings(n int) (all [][]int) {
	var add func(order []int, left [2]int)
	add = func(order []int, left [2]int) {
		if left == [2]int{} {
			all = append(all, append([]int(nil), order...))
			return
		}
		for who := range left {
			if rest := left; rest[who] > 0 {
				rest[who]--
				add(append(order, who), rest)
			}
		}
	}
	add(nil, [2]int{n, n})
	return all
}

// gaveWay are the errors of who does not get a keyspace.
func gaveWay(err error) bool {
	return errors.Is(err, store.ErrLocked) || errors.Is(err, store.ErrWrongOwner)
}

// TestClaims has two nodes find the same new keyspace and make it theirs, in every
// order of their statements. At most one gets it; who does not get it does not get it
// by trying again, and who got it keeps it.
func TestClaims(t *testing.T) {
	t.Parallel()
	opts := owned(t)
	other := opts
	other.Node = ledger.ID{0xff}
	s := open(t, opts)
	owners := []cassandra.Options{opts, other}
	for _, order := range interleavings(3) {
		cql(t, "TRUNCATE "+opts.Keyspace+".meta")
		var steps [2][]func(context.Context) error
		var failed [2]error
		for i, o := range owners {
			var err error
			if steps[i], err = cassandra.Claimant(s, o); err != nil {
				t.Fatal(err)
			}
		}
		for _, who := range order {
			step := steps[who][0]
			steps[who] = steps[who][1:]
			if failed[who] == nil {
				failed[who] = step(t.Context())
			}
		}
		got := map[int]bool{}
		for who, err := range failed {
			if err == nil {
				got[who] = true
			} else if !gaveWay(err) {
				t.Errorf("%v: node %d: %v", order, who, err)
			}
		}
		if len(got) > 1 {
			t.Fatalf("%v: both got the keyspace", order)
		}
		for range 2 {
			for _, who := range order {
				switch err := cassandra.Own(t.Context(), s, owners[who]); {
				case got[who] && err != nil:
					t.Fatalf("%v: the owner does not find its keyspace again: %v", order, err)
				case !got[who] && !gaveWay(err):
					t.Fatalf("%v: node %d tries again: %v", order, who, err)
				}
			}
		}
	}
}

// TestOpenedAtOnce has nodes of different chains open the same new keyspace at once.
// Who gets it commits, and finds its own genesis and no other's.
func TestOpenedAtOnce(t *testing.T) {
	t.Parallel()
	opts := owned(t)
	closeStore(t, open(t, opts)) // the tables: making them is not what this is about
	cql(t, "TRUNCATE "+opts.Keyspace+".meta")
	const nodes = 4
	genesis := func(i int) *store.Commit {
		return storetest.NewCommit(0, map[string]string{"chain": fmt.Sprint(i)})
	}
	as := func(i int) cassandra.Options {
		o := opts
		o.Chain, o.Node = ledger.Digest{byte(i + 1)}, ledger.ID{byte(i + 1)}
		return o
	}
	failed := make([]error, nodes)
	var group sync.WaitGroup
	for i := range nodes {
		group.Go(func() {
			s, err := cassandra.Open(context.Background(), as(i))
			if err == nil {
				err = errors.Join(s.Apply(context.Background(), genesis(i)), s.Close())
			}
			failed[i] = err
		})
	}
	group.Wait()
	owner := -1
	for i, err := range failed {
		switch {
		case err == nil && owner >= 0:
			t.Fatalf("both %d and %d committed", owner, i)
		case err == nil:
			owner = i
		case !gaveWay(err):
			t.Errorf("node %d: %v", i, err)
		}
	}
	for i := range nodes {
		s, err := cassandra.Open(t.Context(), as(i))
		switch {
		case i != owner && owner >= 0 && !errors.Is(err, store.ErrWrongOwner), owner < 0 && !errors.Is(err, store.ErrLocked):
			t.Errorf("node %d opens another's keyspace: %v", i, err)
		case owner < 0 && !strings.Contains(err.Error(), "DROP KEYSPACE "+opts.Keyspace):
			t.Errorf("the error does not say what to do: %v", err)
		case i == owner && err != nil:
			t.Errorf("the owner does not open its keyspace: %v", err)
		case i == owner:
			got, _, err := s.Latest(t.Context(), []byte("chain"))
			if err != nil || string(got) != fmt.Sprint(i) {
				t.Errorf("the owner finds the genesis of %q, error %v; want its own, %d", got, err, i)
			}
		}
		if err == nil {
			closeStore(t, s)
		}
	}
}
