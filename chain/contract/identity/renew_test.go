package identity_test

import (
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/identity"
	keys "github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// TestRenew: a member who has expired acts again, until its new expiry.
func TestRenew(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	a := r.enrolment(0)
	a.Expiry = start + 10
	r.want(ledger.CodeOK, r.Account(0), identity.MethodEnrol, &a)
	may := func(at int64, want ledger.Code) {
		t.Helper()
		r.now = at
		if got := r.authority(a.Member, newKey(0), "token.transfer"); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
	may(start+10, ledger.CodeOK)
	may(start+11, identity.CodeNotActive)
	before := r.member(a.Member)
	code, events := r.call(r.Account(0), identity.MethodRenew, &identity.Renew{Member: a.Member, Expiry: start + 20})
	if code != ledger.CodeOK || len(events) != 1 || events[0].Type != identity.EventRenewed {
		t.Fatalf("%s, events %v", code, events)
	}
	var event identity.Renewed
	if err := ledger.Decode("event", events[0].Data, 1<<10, &event); err != nil {
		t.Fatal(err)
	}
	if want := (identity.Renewed{Member: a.Member, Officer: r.Account(0), Expiry: start + 20}); event != want {
		t.Errorf("event %+v, want %+v", event, want)
	}
	before.Expiry = start + 20
	if got := r.member(a.Member); string(r.Encode(got)) != string(r.Encode(before)) {
		t.Errorf("row %+v, want nothing changed but the expiry: %+v", got, before)
	}
	may(start+20, ledger.CodeOK)
	may(start+21, identity.CodeNotActive)
}

// TestRenewRefuses: an end is never brought forward, nor set for whom is
// revoked; who is frozen stays frozen.
func TestRenewRefuses(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	officer, member := r.Account(0), r.Account(2)
	renew := func(want ledger.Code, expiry int64) {
		t.Helper()
		r.want(want, officer, identity.MethodRenew, &identity.Renew{Member: member, Expiry: expiry})
	}
	for _, past := range []int64{-1, 0, start - 1, start} {
		renew(contract.CodeBadArguments, past)
	}
	renew(ledger.CodeOK, start+10) // it had none before
	renew(contract.CodeConflict, start+10)
	renew(contract.CodeConflict, start+9)
	r.want(ledger.CodeOK, officer, identity.MethodFreeze, &identity.Change{Member: member})
	renew(ledger.CodeOK, start+11)
	if m := r.member(member); m.Status != keys.StatusFrozen || m.Expiry != start+11 {
		t.Errorf("row %+v", m)
	}
	if got := r.authority(member, aplostest.AccountKey(2), "token.transfer"); got != identity.CodeNotActive {
		t.Errorf("a renewed member that is frozen: %s", got)
	}
	r.want(ledger.CodeOK, officer, identity.MethodRevoke, &identity.Change{Member: member})
	renew(contract.CodeConflict, start+12)
}
