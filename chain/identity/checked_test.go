package identity_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// TestChecked: what is taken was put, just so, and not taken before; the newest
// ones are never forgotten.
func TestChecked(t *testing.T) {
	t.Parallel()
	const limit = 5
	rapid.Check(t, func(t *rapid.T) {
		c := identity.NewChecked(limit)
		held := map[ledger.Digest]identity.Signed{} // put and not taken
		var order []ledger.Digest                   // of the puts
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			s := identity.Signed{Message: []byte{rapid.Byte().Draw(t, "message") % 16}}
			s.Key[0], s.Signature[0] = rapid.Byte().Draw(t, "key")%2, rapid.Byte().Draw(t, "signature")%2
			id := ledger.Hash(s.Message)
			if rapid.Bool().Draw(t, "put") {
				c.Put(id, &s, &ledger.Transaction{Args: s.Message})
				held[id], order = s, append(order, id)
				continue
			}
			want, has := held[id]
			same := has && want.Key == s.Key && want.Signature == s.Signature
			recent := false
			for _, o := range order[max(0, len(order)-limit):] {
				recent = recent || o == id
			}
			if got := c.Has(id); got && !has || has && recent && !got {
				t.Fatalf("has %s: %t, put %t", id.Short(), got, has)
			}
			if got := c.Transaction(id); got != nil && string(got.Args) != string(s.Message) {
				t.Fatalf("the transaction of %x holds %x", s.Message, got.Args)
			}
			switch got := c.Take(id, &s); {
			case got && !same:
				t.Fatalf("took %+v, which was not put so", s)
			case same && recent && !got:
				t.Fatalf("forgot %+v among the newest", s)
			case got:
				delete(held, id)
			}
		}
	})
	none := (*identity.Checked)(nil)
	if none.Has(ledger.Digest{}) || none.Take(ledger.Digest{}, &identity.Signed{}) {
		t.Error("nothing remembers something")
	}
}
