package governance_test

import (
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// replace is the action that puts a stranger in the place of an organisation's
// officer.
func replace(i int) governance.Action {
	return governance.Action{ReplaceOfficer: &governance.ReplaceOfficer{
		Organisation: organisation(i), Old: aplostest.AccountID(i), New: aplostest.Stranger(i), Key: fresh(i),
	}}
}

// TestWordsOfReplacedOfficers: what an officer approved before it was replaced
// counts no more, for what has passed and waits neither, and who comes in its
// place decides anew.
func TestWordsOfReplacedOfficers(t *testing.T) {
	t.Parallel()
	a := newAssembly(t, 4)
	open, passed, wide := a.propose(3, limits(2), 50), a.propose(3, limits(3), 50), a.propose(3, limits(4), 50)
	a.approve(open, 2)
	a.approve(passed, 2, 1)
	a.approve(wide, 2, 1)
	if code, _, _ := a.call(a.Account(3), governance.MethodWithdraw, &governance.Approve{Proposal: passed}); code != ledger.CodeOK {
		t.Fatalf("a word against it: %s", code)
	}
	if p := a.enact(replace(3)); p.State != governance.StateActive {
		t.Fatalf("%+v", p)
	}
	for id, want := range map[ledger.Digest]int{open: 1, passed: 2, wide: 2} {
		p := a.proposal(id)
		if p.State != governance.StateOpen || p.Decided != 0 || len(p.Withdrawals) != 0 || !p.Approvals[0].Void {
			t.Errorf("%+v, want it open, without the first word", p)
		}
		counted := 0
		for _, v := range p.Approvals {
			if !v.Void {
				counted++
			}
		}
		if counted != want {
			t.Errorf("%d words count, want %d", counted, want)
		}
	}
	for name, tt := range map[string]struct {
		who  ledger.ID
		code ledger.Code
	}{
		"who was replaced": {aplostest.AccountID(3), members.CodeNotActive},
		"who approved":     {a.Account(2), contract.CodeExists},
	} {
		if code, _, _ := a.call(tt.who, governance.MethodApprove, &governance.Approve{Proposal: passed}); code != tt.code {
			t.Errorf("%s: %s, want %s", name, code, tt.code)
		}
	}
	if code, _, _ := a.call(aplostest.Stranger(3), governance.MethodApprove, &governance.Approve{Proposal: passed}); code != ledger.CodeOK {
		t.Errorf("who came in its place: %s", code)
	}
	a.seal(50)
	if p := a.proposal(passed); p.State != governance.StateActive || a.blockTransactions() != 3 {
		t.Errorf("%s, %d transactions", p.State, a.blockTransactions())
	}
	if p := a.proposal(wide); p.State != governance.StateOpen || p.StateAt(a.now, a.height) != governance.StateExpired {
		t.Errorf("without its third word it became %s", p.State)
	}
	if _, kept := a.rows[governance.ProposalsRow]; kept {
		t.Error("a list of nothing is kept")
	}
}

// TestWordsOfTheSameHeight: of two changes due at one height the first takes the
// word away that the second has passed by.
func TestWordsOfTheSameHeight(t *testing.T) {
	t.Parallel()
	a := newAssembly(t, 4)
	first := a.propose(0, replace(3), 5)
	second := a.propose(3, limits(3), 5)
	a.approve(first, 1, 2)
	a.approve(second, 0, 1)
	a.seal(5)
	if p := a.proposal(first); p.State != governance.StateActive {
		t.Fatalf("%+v", p)
	}
	if p := a.proposal(second); p.StateAt(a.now, a.height) != governance.StateExpired || a.blockTransactions() == 3 {
		t.Errorf("%+v", p)
	}
}

// TestPassedOnesWithoutTheirQuorum: a removed organisation's word carries nothing
// that waits; what the others carry goes on.
func TestPassedOnesWithoutTheirQuorum(t *testing.T) {
	t.Parallel()
	a := newAssembly(t, 5) // a quorum is four, of four then three
	short, long := a.propose(4, limits(2), 50), a.propose(0, limits(3), 50)
	a.approve(short, 0, 1, 2)
	a.approve(long, 1, 2, 3)
	a.enact(governance.Action{RemoveOrganisation: &governance.RemoveOrganisation{Organisation: organisation(4)}})
	if p := a.proposal(short); p.State != governance.StatePassed || !p.Approvals[0].Void { // three of four
		t.Errorf("%+v", p)
	}
	a.enact(governance.Action{RemoveOrganisation: &governance.RemoveOrganisation{Organisation: organisation(3)}})
	if p := a.proposal(long); p.State != governance.StatePassed { // three of three
		t.Errorf("%+v", p)
	}
	a.seal(50)
	for _, id := range []ledger.Digest{short, long} {
		if p := a.proposal(id); p.State != governance.StateActive {
			t.Errorf("%+v", p)
		}
	}
}

// TestPassedIsWithdrawnByAQuorum: until its height as many as passed it may take
// it back, each organisation once, and fewer change nothing.
func TestPassedIsWithdrawnByAQuorum(t *testing.T) {
	t.Parallel()
	a := newAssembly(t, 4)
	id, kept := a.propose(0, limits(2), 10), a.propose(0, limits(3), 10)
	a.approve(id, 1, 2)
	a.approve(kept, 1, 2)
	withdraw := func(by ledger.ID, id ledger.Digest) (ledger.Code, []ledger.Event) {
		code, _, events := a.call(by, governance.MethodWithdraw, &governance.Approve{Proposal: id})
		return code, events
	}
	for i, want := range []int{1, 1, 2} {
		code, events := withdraw(a.Account(i), id)
		if code != ledger.CodeOK || len(events) != want || events[0].Type != governance.EventWithdrawing {
			t.Fatalf("organisation %d: %s, %v", i, code, events)
		}
		if i < 2 {
			if code, _ := withdraw(a.Account(i), id); code != contract.CodeExists {
				t.Errorf("organisation %d again: %s", i, code)
			}
			if code, _ := withdraw(a.Account(i), kept); code != ledger.CodeOK {
				t.Errorf("organisation %d, the other: %s", i, code)
			}
		}
	}
	if p := a.proposal(id); p.State != governance.StateWithdrawn || p.Decided != a.now || len(p.Withdrawals) != 3 {
		t.Errorf("%+v", p)
	}
	for name, tt := range map[string]struct {
		who  ledger.ID
		id   ledger.Digest
		code ledger.Code
	}{
		"what is withdrawn": {a.Account(3), id, contract.CodeConflict},
		"by a node":         {aplostest.NodeID(3), kept, contract.CodeNotPermitted},
	} {
		if code, _ := withdraw(tt.who, tt.id); code != tt.code {
			t.Errorf("%s: %s, want %s", name, code, tt.code)
		}
	}
	a.seal(10)
	if code, _ := withdraw(a.Account(3), kept); code != contract.CodeConflict {
		t.Errorf("once it is active: %s", code)
	}
	if a.proposal(id).State != governance.StateWithdrawn || a.proposal(kept).State != governance.StateActive || a.blockTransactions() != 3 {
		t.Errorf("%d transactions, %s", a.blockTransactions(), a.proposal(kept).State)
	}
}

// TestFormerKeysEquivocate: a node answers for what it signed with the key that
// was in force at the height, and for nothing that a former key signs for heights
// of the next one.
func TestFormerKeysEquivocate(t *testing.T) {
	t.Parallel()
	const first = 5 // of the second key
	for name, tt := range map[string]struct {
		key    *identity.Key
		height uint64
		code   ledger.Code
	}{
		"the former key at its height":          {aplostest.NodeKey(2), first - 1, ledger.CodeOK},
		"the former key at a height of the new": {aplostest.NodeKey(2), first, contract.CodeBadSignature},
		"the new key at its height":             {aplostest.DelegateKey(201), first, ledger.CodeOK},
		"the new key at a height of the former": {aplostest.DelegateKey(201), first - 1, contract.CodeBadSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAssembly(t, 4)
			a.seal(first - 1)
			node := aplostest.NodeID(2)
			if p := a.enact(governance.Action{RotateNodeKey: &governance.RotateNodeKey{Node: node, Organisation: organisation(2), Key: fresh(1)}}); p.State != governance.StateActive {
				t.Fatalf("%+v", p)
			}
			if code := a.equivocates(node, tt.key, tt.height); code != tt.code {
				t.Errorf("%s, want %s", code, tt.code)
			}
			if is, err := governance.IsSuspended(a.rows, node); err != nil || is != (tt.code == ledger.CodeOK) {
				t.Errorf("suspended: %t, %v", is, err)
			}
		})
	}
}

// TestFormerKeysAreBounded: after many changes the oldest keys are not
// remembered, and nobody is accused by another key in their place.
func TestFormerKeysAreBounded(t *testing.T) {
	t.Parallel()
	a := newAssembly(t, 4)
	node := aplostest.NodeID(2)
	for i := range 17 { // the first of them at height 2
		if p := a.enact(governance.Action{RotateNodeKey: &governance.RotateNodeKey{Node: node, Organisation: organisation(2), Key: fresh(i)}}); p.State != governance.StateActive {
			t.Fatalf("%+v", p)
		}
	}
	for _, key := range []*identity.Key{aplostest.NodeKey(2), aplostest.DelegateKey(200)} {
		if code := a.equivocates(node, key, 1); code != contract.CodeNotFound {
			t.Errorf("what is forgotten: %s", code)
		}
	}
	if code := a.equivocates(node, aplostest.DelegateKey(200), 2); code != ledger.CodeOK {
		t.Errorf("what is remembered: %s", code)
	}
}

// equivocates reports two headers of a height, both signed by the key.
func (a *assembly) equivocates(node ledger.ID, key *identity.Key, height uint64) ledger.Code {
	a.Helper()
	e := governance.ReportEquivocation{Node: node, Height: height}
	sign := func(variant int64) ([]byte, [ledger.SignatureSize]byte) {
		h := ledger.Header{Version: ledger.Version, Chain: a.ID, Height: height, LogTime: variant}
		b, err := h.Bytes()
		if err != nil {
			a.Fatal(err)
		}
		return b, ledger.SignHeader(height, b, node, key.ID(), key.Sign).Signature
	}
	e.HeaderA, e.SignatureA = sign(1)
	e.HeaderB, e.SignatureB = sign(2)
	code, _, _ := a.call(a.Account(0), governance.MethodReportEquivocation, &e)
	return code
}
