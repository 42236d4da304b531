package identity_test

import (
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
)

// TestRotateKey: both keys count while they overlap, and at each moment one.
func TestRotateKey(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	member, old := r.Account(2), aplostest.AccountKey(2)
	r.want(ledger.CodeOK, member, identity.MethodRotateKey, &identity.RotateKey{
		Old: old.ID(), Key: newKey(0).Public(), Proof: r.proof(member, member, newKey(0)), From: start + 10, Until: start + 20,
	})
	for _, tt := range []struct {
		at       int64
		old, new ledger.Code
	}{
		{start, ledger.CodeOK, contract.CodeUnknownKey},
		{start + 9, ledger.CodeOK, contract.CodeUnknownKey},
		{start + 10, ledger.CodeOK, ledger.CodeOK},
		{start + 19, ledger.CodeOK, ledger.CodeOK},
		{start + 20, contract.CodeUnknownKey, ledger.CodeOK},
	} {
		r.now = tt.at
		if a, b := r.authority(member, old, "x.y"), r.authority(member, newKey(0), "x.y"); a != tt.old || b != tt.new {
			t.Errorf("at %d: %s and %s, want %s and %s", tt.at, a, b, tt.old, tt.new)
		}
	}
	// The ended key leaves the member's row with the next rotation, and can't
	// become anybody's again, the member's own neither.
	r.want(ledger.CodeOK, member, identity.MethodRotateKey, &identity.RotateKey{
		Old: newKey(0).ID(), Key: newKey(1).Public(), Proof: r.proof(member, member, newKey(1)),
	})
	if m := r.member(member); len(m.Keys) != 1 || m.Keys[0].Key != newKey(1).Public() {
		t.Errorf("keys %+v", m.Keys)
	}
	r.want(contract.CodeExists, member, identity.MethodRotateKey, &identity.RotateKey{Old: newKey(1).ID(), Key: old.Public()})
	r.want(contract.CodeExists, r.Account(3), identity.MethodRotateKey, &identity.RotateKey{Old: aplostest.AccountKey(3).ID(), Key: old.Public()})
}

func TestRotateKeyRefuses(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	member, old, key := r.Account(2), aplostest.AccountKey(2).ID(), newKey(0).Public()
	proof := func(i int) identity.Proof { return r.proof(member, member, newKey(i)) }
	for name, tt := range map[string]struct {
		sender ledger.ID
		args   identity.RotateKey
		code   ledger.Code
	}{
		"a gap between the keys":   {member, identity.RotateKey{Old: old, Key: key, From: start + 2, Until: start + 1}, contract.CodeBadArguments},
		"an end in the past":       {member, identity.RotateKey{Old: old, Key: key, Until: start - 1}, contract.CodeBadArguments},
		"an end too far":           {member, identity.RotateKey{Old: old, Key: key, Until: start + identity.MaxOverlap + 1}, contract.CodeBadArguments},
		"a start too far":          {member, identity.RotateKey{Old: old, Key: key, From: 1 << 62}, contract.CodeBadArguments},
		"a time below zero":        {member, identity.RotateKey{Old: old, Key: key, From: -1}, contract.CodeBadArguments},
		"another's old key":        {member, identity.RotateKey{Old: aplostest.AccountKey(3).ID(), Key: key}, contract.CodeNotFound},
		"another's key as the new": {member, identity.RotateKey{Old: old, Key: aplostest.AccountKey(3).Public()}, contract.CodeExists},
		"the same key":             {member, identity.RotateKey{Old: old, Key: aplostest.AccountKey(2).Public()}, contract.CodeExists},
		"no proof":                 {member, identity.RotateKey{Old: old, Key: key}, contract.CodeBadSignature},
		"another member's proof":   {r.Account(3), identity.RotateKey{Old: aplostest.AccountKey(3).ID(), Key: key, Proof: proof(0)}, contract.CodeBadSignature},
		"a weak key":               {member, identity.RotateKey{Old: old, Key: ledger.PublicKey{1}}, contract.CodeBadArguments},
		"a node":                   {aplostest.NodeID(0), identity.RotateKey{Old: aplostest.NodeKey(0).ID(), Key: key}, contract.CodeNotPermitted},
	} {
		if got, _ := r.call(tt.sender, identity.MethodRotateKey, &tt.args); got != tt.code {
			t.Errorf("%s: %s, want %s", name, got, tt.code)
		}
	}
	r.want(ledger.CodeOK, member, identity.MethodRotateKey, &identity.RotateKey{Old: old, Key: key, Proof: proof(0), Until: start + 50})
	r.want(contract.CodeConflict, member, identity.MethodRotateKey, &identity.RotateKey{Old: old, Key: newKey(1).Public(), Proof: proof(1)})
	last := key.ID()
	for i := 1; i <= identity.MaxMemberKeys-2; i++ {
		r.want(ledger.CodeOK, member, identity.MethodRotateKey, &identity.RotateKey{Old: last, Key: newKey(i).Public(), Proof: proof(i), Until: start + 50})
		last = newKey(i).ID()
	}
	full := &identity.RotateKey{Old: last, Key: newKey(50).Public(), Proof: proof(50), Until: start + 50}
	r.want(contract.CodeConflict, member, identity.MethodRotateKey, full)
	r.now, full.Until = start+50, start+60 // the others have ended
	r.want(ledger.CodeOK, member, identity.MethodRotateKey, full)
}

func TestDelegates(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	member, key := r.Account(2), newKey(0)
	add := identity.AddDelegate{
		Node: aplostest.NodeID(0), Key: key.Public(), Proof: r.proof(member, member, key), Methods: []string{"fl.CreateJob"}, Expiry: start + 10,
	}
	r.want(ledger.CodeOK, member, identity.MethodAddDelegate, &add)
	check := func(method string, want ledger.Code) {
		t.Helper()
		if got := r.authority(member, key, method); got != want {
			t.Errorf("%s at %d: %s, want %s", method, r.now, got, want)
		}
	}
	check("fl.CreateJob", ledger.CodeOK)
	for _, method := range []string{"fl.CancelJob", "fl.SubmitUpdate", "identity.rotateKey", "identity.addDelegate", "token.transfer"} {
		check(method, contract.CodeNotPermitted)
	}
	if got := r.authority(r.Account(3), key, "fl.CreateJob"); got != contract.CodeUnknownKey {
		t.Errorf("for another member: %s", got)
	}
	r.now = start + 11
	check("fl.CreateJob", contract.CodeUnknownKey)
	limit := ledger.NewAmount(5)
	add.Expiry, add.Methods, add.Spend = start+20, identity.DelegableMethods(), &limit // renewed, and wider
	r.want(ledger.CodeOK, member, identity.MethodAddDelegate, &add)
	check("fl.CancelJob", ledger.CodeOK)
	r.want(contract.CodeExists, r.Account(3), identity.MethodAddDelegate, &add) // the key is held for member 2
	r.want(contract.CodeNotFound, r.Account(3), identity.MethodRevokeDelegate, &identity.RevokeDelegate{Key: key.ID()})
	r.want(ledger.CodeOK, member, identity.MethodRevokeDelegate, &identity.RevokeDelegate{Key: key.ID()})
	check("fl.CancelJob", contract.CodeUnknownKey)
	r.want(contract.CodeNotFound, member, identity.MethodRevokeDelegate, &identity.RevokeDelegate{Key: key.ID()})
	a := r.enrolment(0) // with the delegate's key: it stays whose it was
	r.want(contract.CodeExists, r.Account(0), identity.MethodEnrol, &a)
	r.want(ledger.CodeOK, member, identity.MethodAddDelegate, &add)
}

func TestDelegatesRefuse(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	for name, tt := range map[string]struct {
		change func(*identity.AddDelegate)
		code   ledger.Code
	}{
		"no method":        {func(a *identity.AddDelegate) { a.Methods = nil }, contract.CodeBadArguments},
		"an update":        {func(a *identity.AddDelegate) { a.Methods = []string{"fl.SubmitUpdate"} }, contract.CodeBadArguments},
		"an attestation":   {func(a *identity.AddDelegate) { a.Methods = []string{"fl.AttestRound"} }, contract.CodeBadArguments},
		"an officer's act": {func(a *identity.AddDelegate) { a.Methods = []string{"identity.enrol"} }, contract.CodeBadArguments},
		"a transfer":       {func(a *identity.AddDelegate) { a.Methods = []string{"fl.CancelJob", "token.transfer"} }, contract.CodeBadArguments},
		"a transfer, limit zero": {func(a *identity.AddDelegate) {
			a.Methods, a.Spend = []string{"fl.CancelJob", "token.transfer"}, new(ledger.Amount)
		}, contract.CodeBadArguments},
		"a limit without use":    {func(a *identity.AddDelegate) { a.Spend = new(ledger.NewAmount(1)) }, contract.CodeBadArguments},
		"methods out of order":   {func(a *identity.AddDelegate) { a.Methods = []string{"fl.CreateJob", "fl.CancelJob"} }, contract.CodeBadArguments},
		"expired":                {func(a *identity.AddDelegate) { a.Expiry = start }, contract.CodeBadArguments},
		"for too long":           {func(a *identity.AddDelegate) { a.Expiry = start + identity.MaxDelegation + 1 }, contract.CodeBadArguments},
		"at a member":            {func(a *identity.AddDelegate) { a.Node = r.Account(3) }, contract.CodeBadArguments},
		"at nobody":              {func(a *identity.AddDelegate) { a.Node = aplostest.Stranger(3) }, contract.CodeNotFound},
		"a weak key":             {func(a *identity.AddDelegate) { a.Key = ledger.PublicKey{1} }, contract.CodeBadArguments},
		"the member's own key":   {func(a *identity.AddDelegate) { a.Key = aplostest.AccountKey(2).Public() }, contract.CodeExists},
		"the key of the node":    {func(a *identity.AddDelegate) { a.Key = aplostest.NodeKey(0).Public() }, contract.CodeExists},
		"no proof":               {func(a *identity.AddDelegate) { a.Proof = identity.Proof{} }, contract.CodeBadSignature},
		"a proof by another key": {func(a *identity.AddDelegate) { a.Proof = r.proof(r.Account(2), r.Account(2), newKey(1)) }, contract.CodeBadSignature},
		"a proof for another":    {func(a *identity.AddDelegate) { a.Proof = r.proof(r.Account(3), r.Account(3), newKey(0)) }, contract.CodeBadSignature},
		"a key of another's own": {func(a *identity.AddDelegate) { a.Key = aplostest.AccountKey(3).Public() }, contract.CodeExists},
	} {
		a := identity.AddDelegate{
			Node: aplostest.NodeID(0), Key: newKey(0).Public(), Proof: r.proof(r.Account(2), r.Account(2), newKey(0)),
			Methods: []string{"fl.CreateJob"}, Expiry: start + 10,
		}
		tt.change(&a)
		if got, _ := r.call(r.Account(2), identity.MethodAddDelegate, &a); got != tt.code {
			t.Errorf("%s: %s, want %s", name, got, tt.code)
		}
	}
}

// TestDelegateKeysAreNotBurnt: who sees a key in another's transaction before
// that is ordered can't take it, so that it is still there to be enrolled.
func TestDelegateKeysAreNotBurnt(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	member, thief := r.Account(2), r.Account(3)
	seen := r.enrolment(0)
	steal := identity.AddDelegate{
		Node: aplostest.NodeID(0), Key: seen.Keys[0], Proof: seen.Proofs[0], Methods: []string{"fl.CreateJob"}, Expiry: start + 10,
	}
	r.want(contract.CodeBadSignature, thief, identity.MethodAddDelegate, &steal)
	r.want(ledger.CodeOK, r.Account(0), identity.MethodEnrol, &seen)

	add := identity.AddDelegate{
		Node: aplostest.NodeID(0), Key: newKey(1).Public(), Proof: r.proof(member, member, newKey(1)), Methods: []string{"fl.CreateJob"}, Expiry: start + 10,
	}
	r.want(contract.CodeBadSignature, thief, identity.MethodAddDelegate, &add)
	r.want(ledger.CodeOK, member, identity.MethodAddDelegate, &add)
}

// TestGenesisKeysAreUnique: one key can't be two members', nor a member's and
// a node's, from the first row on.
func TestGenesisKeysAreUnique(t *testing.T) {
	t.Parallel()
	c, _ := chain(t)
	c.Genesis.Members[0].Key = c.Genesis.Group.Nodes[0].Key
	env := contract.NewGenesisEnv(aplostest.Rows{}, start)
	if err := identity.New().Genesis(c.Genesis, env); err == nil {
		t.Error("a node's key is a member's as well")
	}
}
