package aggregation_test

import (
	"errors"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/aggregation"
	"github.com/librum/librum/fl/job"
)

// TestQueueIsShared holds that no member fills the queue of runs, and that what is
// deleted, or taken to its end, gives its place back.
func TestQueueIsShared(t *testing.T) {
	t.Parallel()
	b := start(t, aggregation.Limits{Waiting: 3})
	ready := func(creator ledger.ID, key string) ledger.Digest {
		t.Helper()
		v, _, err := b.Create(t.Context(), creator, []byte(key), aggregation.Spec{Strategy: job.Strategy{Name: "median"}})
		if err != nil {
			t.Fatal(err)
		}
		b.send(v.ID, announcement("u", file(t, 1), 1), file(t, 1))
		return v.ID
	}
	start := func(what string, id ledger.Digest, want error) {
		t.Helper()
		if _, err := b.Start(id); !errors.Is(err, want) {
			t.Errorf("start %s: %v, want %v", what, err, want)
		}
	}
	one, two, three := ready(alice, "1"), ready(alice, "2"), ready(alice, "3")
	start("alice's first", one, nil)
	start("alice's second", two, nil)
	start("her first again", one, nil)
	start("her third", three, aggregation.ErrLimit)
	start("bob's first", ready(bob, "1"), nil)
	start("bob's second, a fourth of all", ready(bob, "2"), aggregation.ErrLimit)
	if err := b.Delete(one); err != nil {
		t.Fatal(err)
	}
	start("her third, in the place of the first", three, nil)
	b.Step(t.Context()) // the oldest: her second
	if v, err := b.Get(two); err != nil || v.State != aggregation.Done {
		t.Errorf("%+v, %v", v, err)
	}
	four := ready(alice, "4")
	start("her fourth, in the place of the second", four, nil)

	// All that wait are found again, and a place is free for each that ended.
	b.close()
	b.open()
	for range 3 {
		b.Step(t.Context())
	}
	if stats := b.Stats(); stats.States[aggregation.Done] != 4 || stats.States[aggregation.Running] != 0 {
		t.Errorf("%+v", stats)
	}
}
