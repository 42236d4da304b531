package identity_test

import (
	"slices"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/identity"
	keys "github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

func TestEnrol(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	a := r.enrolment(0)
	a.Expiry = start + 100
	code, events := r.call(r.Account(0), identity.MethodEnrol, &a)
	if code != ledger.CodeOK || len(events) != 1 || events[0].Type != identity.EventEnrolled {
		t.Fatalf("%s, events %v", code, events)
	}
	var event identity.Enrolled
	if err := ledger.Decode("event", events[0].Data, 1<<10, &event); err != nil {
		t.Fatal(err)
	}
	if event.Member != a.Member || event.Officer != r.Account(0) || !slices.Equal(event.Keys, []ledger.Digest{newKey(0).ID()}) {
		t.Errorf("event %+v", event)
	}
	m := r.member(a.Member)
	if m.Organisation != r.Genesis.Organisations[0].ID || m.Officer != r.Account(0) || !slices.Equal(m.Evidence, a.Evidence) ||
		m.Status != keys.StatusActive || !slices.Equal(m.Roles, a.Roles) {
		t.Errorf("row %+v", m)
	}
	for at, want := range map[int64]ledger.Code{
		start - 1: contract.CodeUnknownKey, start: ledger.CodeOK, start + 100: ledger.CodeOK, start + 101: identity.CodeNotActive,
	} {
		r.now = at
		if got := r.authority(a.Member, newKey(0), "token.transfer"); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

func TestEnrolRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		sender int
		change func(*registry, *identity.Enrol)
		code   ledger.Code
	}{
		{"by a member", 2, func(*registry, *identity.Enrol) {}, contract.CodeNotPermitted},
		{"no id", 0, func(_ *registry, a *identity.Enrol) { a.Member = ledger.ID{} }, contract.CodeBadArguments},
		{"somebody's id", 0, func(r *registry, a *identity.Enrol) { a.Member = r.Account(3) }, contract.CodeExists},
		{"the officer's own id", 0, func(r *registry, a *identity.Enrol) { a.Member = r.Account(0) }, contract.CodeExists},
		{"a node's id", 0, func(_ *registry, a *identity.Enrol) { a.Member = aplostest.NodeID(0) }, contract.CodeExists},
		{"no role", 0, func(_ *registry, a *identity.Enrol) { a.Roles = nil }, contract.CodeBadArguments},
		{"an officer", 0, func(_ *registry, a *identity.Enrol) { a.Roles = []string{keys.RoleOfficer} }, contract.CodeBadArguments},
		{"a node", 0, func(_ *registry, a *identity.Enrol) { a.Roles = []string{keys.RoleMember, keys.RoleNode} }, contract.CodeBadArguments},
		{"a role that is none", 0, func(_ *registry, a *identity.Enrol) { a.Roles = []string{"king"} }, contract.CodeBadArguments},
		{"roles out of order", 0, func(_ *registry, a *identity.Enrol) { a.Roles = []string{keys.RolePeer, keys.RoleMember} }, contract.CodeBadArguments},
		{"a role twice", 0, func(_ *registry, a *identity.Enrol) { a.Roles = []string{keys.RolePeer, keys.RolePeer} }, contract.CodeBadArguments},
		{"no key", 0, func(_ *registry, a *identity.Enrol) { a.Keys = nil }, contract.CodeBadArguments},
		{"a key twice", 0, func(_ *registry, a *identity.Enrol) { a.Keys = append(a.Keys, a.Keys[0]) }, contract.CodeBadArguments},
		{"too many keys", 0, func(_ *registry, a *identity.Enrol) {
			a.Keys = make([]ledger.PublicKey, identity.MaxEnrolKeys+1)
		}, contract.CodeBadArguments},
		{"a weak key", 0, func(_ *registry, a *identity.Enrol) { a.Keys = []ledger.PublicKey{{1}} }, contract.CodeBadArguments},
		{"a member's key", 0, func(_ *registry, a *identity.Enrol) {
			a.Keys = []ledger.PublicKey{aplostest.AccountKey(2).Public()}
		}, contract.CodeExists},
		{"a node's key", 0, func(_ *registry, a *identity.Enrol) {
			a.Keys = []ledger.PublicKey{aplostest.NodeKey(1).Public()}
		}, contract.CodeExists},
		{"no proof", 0, func(_ *registry, a *identity.Enrol) { a.Proofs = nil }, contract.CodeBadArguments},
		{"a proof too many", 0, func(_ *registry, a *identity.Enrol) { a.Proofs = append(a.Proofs, a.Proofs[0]) }, contract.CodeBadArguments},
		{"an empty proof", 0, func(_ *registry, a *identity.Enrol) { a.Proofs[0] = identity.Proof{} }, contract.CodeBadSignature},
		{"a key that is held by somebody else", 0, func(r *registry, a *identity.Enrol) {
			a.Proofs[0] = r.proof(r.Account(0), a.Member, newKey(1))
		}, contract.CodeBadSignature},
		{"a key that was seen in another's enrolment", 0, func(_ *registry, a *identity.Enrol) {
			a.Member = aplostest.Stranger(1)
		}, contract.CodeBadSignature},
		{"a key that was seen in another organisation's", 1, func(*registry, *identity.Enrol) {}, contract.CodeBadSignature},
		{"no evidence", 0, func(_ *registry, a *identity.Enrol) { a.Evidence = nil }, contract.CodeBadArguments},
		{"too much evidence", 0, func(_ *registry, a *identity.Enrol) {
			a.Evidence = make([]ledger.Digest, identity.MaxEvidence+1)
		}, contract.CodeBadArguments},
		{"expired", 0, func(_ *registry, a *identity.Enrol) { a.Expiry = start }, contract.CodeBadArguments},
		{"expiry below zero", 0, func(_ *registry, a *identity.Enrol) { a.Expiry = -1 }, contract.CodeBadArguments},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			a := r.enrolment(0)
			tt.change(r, &a)
			before := r.rows.Commitment().Bytes()
			r.want(tt.code, r.Account(tt.sender), identity.MethodEnrol, &a)
			if !slices.Equal(before, r.rows.Commitment().Bytes()) {
				t.Error("a refused enrolment changed rows")
			}
		})
	}
}

// TestStanding walks through all standings, and tries every step from each.
func TestStanding(t *testing.T) {
	t.Parallel()
	const freeze, unfreeze, revoke = identity.MethodFreeze, identity.MethodUnfreeze, identity.MethodRevoke
	for _, tt := range []struct {
		before []string // what leads to the standing
		steps  map[string]ledger.Code
		may    ledger.Code // what the member's transaction gets
	}{
		{nil, map[string]ledger.Code{freeze: ledger.CodeOK, unfreeze: contract.CodeConflict, revoke: ledger.CodeOK}, ledger.CodeOK},
		{[]string{freeze}, map[string]ledger.Code{freeze: contract.CodeConflict, unfreeze: ledger.CodeOK, revoke: ledger.CodeOK}, identity.CodeNotActive},
		{[]string{freeze, unfreeze}, map[string]ledger.Code{freeze: ledger.CodeOK, unfreeze: contract.CodeConflict}, ledger.CodeOK},
		{[]string{revoke}, map[string]ledger.Code{freeze: contract.CodeConflict, unfreeze: contract.CodeConflict, revoke: contract.CodeConflict}, identity.CodeNotActive},
		{[]string{freeze, revoke}, map[string]ledger.Code{unfreeze: contract.CodeConflict}, identity.CodeNotActive},
	} {
		for step, code := range tt.steps {
			r := newRegistry(t)
			target := &identity.Change{Member: r.Account(2)}
			for _, s := range tt.before {
				r.want(ledger.CodeOK, r.Account(0), s, target)
			}
			if got := r.authority(r.Account(2), aplostest.AccountKey(2), "token.transfer"); got != tt.may {
				t.Errorf("after %v its transaction gets %s, want %s", tt.before, got, tt.may)
			}
			if got, _ := r.call(r.Account(0), step, target); got != code {
				t.Errorf("%s after %v: %s, want %s", step, tt.before, got, code)
			}
		}
	}
}

func TestStandingRefuses(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	for _, method := range []string{identity.MethodFreeze, identity.MethodUnfreeze, identity.MethodRevoke, identity.MethodRenew} {
		for _, tt := range []struct {
			name           string
			sender, target ledger.ID
			code           ledger.Code
		}{
			{"a member of another", r.Account(3), r.Account(2), contract.CodeNotPermitted},
			{"another organisation's officer", r.Account(1), r.Account(2), contract.CodeNotPermitted},
			{"an officer of itself", r.Account(0), r.Account(0), contract.CodeNotPermitted},
			{"an officer of a node", r.Account(0), aplostest.NodeID(0), contract.CodeNotPermitted},
			{"of nobody", r.Account(0), aplostest.Stranger(9), contract.CodeNotFound},
			{"by nobody", aplostest.Stranger(9), r.Account(2), contract.CodeUnknownSender},
		} {
			args := any(&identity.Change{Member: tt.target})
			if method == identity.MethodRenew {
				args = &identity.Renew{Member: tt.target, Expiry: start + 1}
			}
			if got, _ := r.call(tt.sender, method, args); got != tt.code {
				t.Errorf("%s, %s: %s, want %s", method, tt.name, got, tt.code)
			}
		}
	}
}
