package ledger_test

import (
	"testing"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// TestPossession: the signature holds for what it names, and for nothing else.
func TestPossession(t *testing.T) {
	t.Parallel()
	good := *fixturePossession(t)
	signature, err := good.Sign(key(1).Sign)
	if err != nil || !good.Proven(identity.Verify, signature) {
		t.Fatalf("the key's own signature does not hold, %v", err)
	}
	for name, change := range map[string]func(*ledger.Possession){
		"another chain":        func(p *ledger.Possession) { p.Chain[0]++ },
		"another shard":        func(p *ledger.Possession) { p.Shard++ },
		"another organisation": func(p *ledger.Possession) { p.Organisation[0]++ },
		"another member":       func(p *ledger.Possession) { p.Member[0]++ },
		"another key":          func(p *ledger.Possession) { p.Key = key(2).Public() },
		"another version":      func(p *ledger.Possession) { p.Version++ },
	} {
		p := good
		change(&p)
		if p.Proven(identity.Verify, signature) {
			t.Errorf("%s: the signature holds", name)
		}
	}
	// The same bytes signed as another kind prove nothing.
	e := ledger.Seal(ledger.KindReceipt, key(1).ID(), key(1).Sign, encode(t, &good))
	if good.Proven(identity.Verify, e.Signature) {
		t.Error("a receipt's signature proves possession")
	}
}
