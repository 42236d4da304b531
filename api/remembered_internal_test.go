package api

import (
	"testing"
	"time"

	"github.com/librum/librum/api/bearer"
	"github.com/librum/librum/chain/ledger"
)

func TestRemembered(t *testing.T) {
	t.Parallel()
	r, at := newRemembered(), time.Unix(1_000, 0)
	c := &caller{Token: bearer.Token{ID: ledger.ID{1}}}
	if _, ok := r.of(c.ID, at); ok {
		t.Error("a stranger is remembered")
	}
	r.note(c, at)
	if got, ok := r.of(c.ID, at.Add(rememberedFor-1)); !ok || got != c {
		t.Errorf("not remembered: %v, %t", got, ok)
	}
	if _, ok := r.of(c.ID, at.Add(rememberedFor)); ok {
		t.Error("remembered for too long")
	}
	c.as, c.until = 7, 5_000
	r.note(c, at)
	for _, s := range []struct {
		as  uint64
		now int64
		is  bool
	}{{7, 5_000, true}, {7, 5_001, false}, {6, 5_000, false}, {8, 5_000, false}} {
		if _, is := r.still(c.ID, s.as, s.now); is != s.is {
			t.Errorf("as of record %d at %d: %t", s.as, s.now, is)
		}
	}
	if _, is := r.still(ledger.ID{9}, 7, 0); is {
		t.Error("a stranger is remembered")
	}
	for i := range 3 * maxRemembered {
		r.note(&caller{Token: bearer.Token{ID: ledger.ID{2, byte(i), byte(i >> 8)}}}, at)
		if len(r.by) > maxRemembered {
			t.Fatalf("%d are remembered", len(r.by))
		}
	}
}
