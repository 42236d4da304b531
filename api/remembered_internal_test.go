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
	for i := range 3 * maxRemembered {
		r.note(&caller{Token: bearer.Token{ID: ledger.ID{2, byte(i), byte(i >> 8)}}}, at)
		if len(r.by) > maxRemembered {
			t.Fatalf("%d are remembered", len(r.by))
		}
	}
}
