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

func limits(n uint32) governance.Action {
	return governance.Action{SetLimits: &governance.SetLimits{BlockTransactions: n, BlockBytes: 1 << 20, MaxTTL: 60_000}}
}

func (a *assembly) blockTransactions() uint32 {
	a.Helper()
	l, err := governance.Limits(a.rows)
	if err != nil {
		a.Fatal(err)
	}
	return l.BlockTransactions
}

// TestProposalPasses goes the whole way: proposed, approved by ⌊2n/3⌋+1, in
// force exactly from its height on.
func TestProposalPasses(t *testing.T) {
	t.Parallel()
	a := newAssembly(t, 4)
	id := a.propose(0, limits(7), 5)
	a.approve(id, 1)
	if p := a.proposal(id); p.State != governance.StateOpen || len(p.Approvals) != 2 {
		t.Fatalf("after two of four: %+v", p)
	}
	code, _, events := a.call(a.Account(3), governance.MethodApprove, &governance.Approve{Proposal: id})
	if code != ledger.CodeOK || len(events) != 2 || events[1].Type != governance.EventPassed {
		t.Fatalf("the third approval: %s, events %v", code, events)
	}
	var passed governance.Passed
	if err := ledger.Decode("event", events[1].Data, 1<<10, &passed); err != nil || passed.Approvals != 3 || passed.Standing != 4 || passed.Height != 5 {
		t.Errorf("passed %+v, %v", passed, err)
	}
	for a.height < 5 {
		if a.blockTransactions() != ledger.DefaultLimits().BlockTransactions || a.proposal(id).State != governance.StatePassed {
			t.Errorf("while block %d is made: %d transactions, %s", a.height, a.blockTransactions(), a.proposal(id).State)
		}
		a.seal(a.height + 1)
	}
	if a.blockTransactions() != 7 || a.proposal(id).State != governance.StateActive {
		t.Errorf("block 5: %d transactions, %s", a.blockTransactions(), a.proposal(id).State)
	}
	if _, ok := a.rows[governance.ProposalsRow]; ok {
		t.Error("a list of nothing is kept")
	}
	if code, _, _ := a.call(a.Account(2), governance.MethodApprove, &governance.Approve{Proposal: id}); code != contract.CodeConflict {
		t.Errorf("approved once it is active: %s", code)
	}
}

// TestOneOrganisationDecidesAlone: a quorum of one is one.
func TestOneOrganisationDecidesAlone(t *testing.T) {
	t.Parallel()
	a := newAssembly(t, 1)
	id := a.propose(0, limits(3), 2)
	if state := a.proposal(id).State; state != governance.StatePassed {
		t.Fatal(state)
	}
	a.seal(2)
	if a.blockTransactions() != 3 {
		t.Error("the change is not made")
	}
}

func TestProposeRefuses(t *testing.T) {
	t.Parallel()
	a := newAssembly(t, 4)
	a.seal(10)
	two := limits(1)
	two.RemoveCA = &governance.RemoveCA{}
	for name, tt := range map[string]struct {
		sender ledger.ID
		action governance.Action
		height uint64
		expiry int64
		code   ledger.Code
	}{
		"a node":                  {aplostest.NodeID(0), limits(1), 11, a.now + 1, contract.CodeNotPermitted},
		"a stranger":              {aplostest.Stranger(0), limits(1), 11, a.now + 1, contract.CodeUnknownSender},
		"the block being made":    {a.Account(0), limits(1), 10, a.now + 1, governance.CodeTooLate},
		"a block of the past":     {a.Account(0), limits(1), 1, a.now + 1, governance.CodeTooLate},
		"a height beyond reason":  {a.Account(0), limits(1), 1 << 40, a.now + 1, contract.CodeBadArguments},
		"expired already":         {a.Account(0), limits(1), 11, a.now, contract.CodeBadArguments},
		"an expiry beyond reason": {a.Account(0), limits(1), 11, a.now + 91*day, contract.CodeBadArguments},
		"no action":               {a.Account(0), governance.Action{}, 11, a.now + 1, contract.CodeBadArguments},
		"two actions":             {a.Account(0), two, 11, a.now + 1, contract.CodeBadArguments},
		"limits that stop all":    {a.Account(0), limits(0), 11, a.now + 1, contract.CodeBadArguments},
		"what does not fit": {
			a.Account(0), governance.Action{RemoveNode: &governance.RemoveNode{Node: aplostest.Stranger(1)}}, 11, a.now + 1, contract.CodeNotFound,
		},
	} {
		code, id, _ := a.call(tt.sender, governance.MethodPropose, &governance.Propose{Action: tt.action, Height: tt.height, Expiry: tt.expiry})
		if code != tt.code {
			t.Errorf("%s: %s, want %s", name, code, tt.code)
		}
		if _, ok, err := governance.LoadProposal(a.rows, id); ok || err != nil {
			t.Errorf("%s: a proposal is there, %v", name, err)
		}
	}
}

// TestTooLate: once the height has come or the expiry has passed, no approval
// counts, and the quorum that comes then changes nothing.
func TestTooLate(t *testing.T) {
	t.Parallel()
	a := newAssembly(t, 4)
	byHeight, byTime := a.propose(0, limits(7), 5), a.propose(0, limits(8), 50)
	a.approve(byHeight, 1)
	a.approve(byTime, 1)
	a.seal(5)
	for _, method := range []string{governance.MethodApprove, governance.MethodWithdraw} {
		if code, _, _ := a.call(a.Account(0), method, &governance.Approve{Proposal: byHeight}); code != governance.CodeTooLate {
			t.Errorf("%s at the height: %s", method, code)
		}
	}
	if code, _, _ := a.call(a.Account(2), governance.MethodApprove, &governance.Approve{Proposal: byHeight}); code != governance.CodeTooLate {
		t.Errorf("a quorum at the height: %s", code)
	}
	a.now += day + 1
	if code, _, _ := a.call(a.Account(2), governance.MethodApprove, &governance.Approve{Proposal: byTime}); code != governance.CodeTooLate {
		t.Errorf("a quorum after the expiry: %s", code)
	}
	for _, id := range []ledger.Digest{byHeight, byTime} {
		if p := a.proposal(id); p.State != governance.StateOpen || p.StateAt(a.now, a.height) != governance.StateExpired {
			t.Errorf("%+v", p)
		}
	}
	a.seal(60)
	if a.blockTransactions() != ledger.DefaultLimits().BlockTransactions {
		t.Error("a change was made without a quorum in time")
	}
}

func TestApproveRefuses(t *testing.T) {
	t.Parallel()
	a := newAssembly(t, 4)
	id := a.propose(0, limits(7), 5)
	for name, tt := range map[string]struct {
		sender ledger.ID
		method string
		id     ledger.Digest
		code   ledger.Code
	}{
		"twice":                  {a.Account(0), governance.MethodApprove, id, contract.CodeExists},
		"a node":                 {aplostest.NodeID(1), governance.MethodApprove, id, contract.CodeNotPermitted},
		"no such":                {a.Account(1), governance.MethodApprove, ledger.Digest{9}, contract.CodeNotFound},
		"withdrawn by another":   {a.Account(1), governance.MethodWithdraw, id, contract.CodeNotPermitted},
		"withdrawn by a node":    {aplostest.NodeID(0), governance.MethodWithdraw, id, contract.CodeNotPermitted},
		"withdrawn, and no such": {a.Account(0), governance.MethodWithdraw, ledger.Digest{9}, contract.CodeNotFound},
	} {
		if code, _, _ := a.call(tt.sender, tt.method, &governance.Approve{Proposal: tt.id}); code != tt.code {
			t.Errorf("%s: %s, want %s", name, code, tt.code)
		}
	}
	if code, _, events := a.call(a.Account(0), governance.MethodWithdraw, &governance.Approve{Proposal: id}); code != ledger.CodeOK ||
		len(events) != 1 || events[0].Type != governance.EventWithdrawn {
		t.Fatalf("withdrawn: %s, %v", code, events)
	}
	if code, _, _ := a.call(a.Account(1), governance.MethodApprove, &governance.Approve{Proposal: id}); code != contract.CodeConflict {
		t.Errorf("approved after it was withdrawn: %s", code)
	}
}

// TestOpenProposalsAreBounded: an organisation may have so many, and gets its
// places back.
func TestOpenProposalsAreBounded(t *testing.T) {
	t.Parallel()
	a := newAssembly(t, 4)
	var ids []ledger.Digest
	for range governance.MaxOpenProposals {
		ids = append(ids, a.propose(0, limits(7), 50))
	}
	again := func(by int) ledger.Code {
		code, _, _ := a.call(a.Account(by), governance.MethodPropose, &governance.Propose{Action: limits(9), Height: 50, Expiry: a.now + 2*day})
		return code
	}
	if code := again(0); code != governance.CodeTooMany {
		t.Errorf("one more: %s", code)
	}
	if code := again(1); code != ledger.CodeOK {
		t.Errorf("another organisation: %s", code)
	}
	a.approve(ids[0], 1, 2)
	if code := again(0); code != governance.CodeTooMany {
		t.Errorf("one that waits for its height does not count: %s", code)
	}
	if code, _, _ := a.call(a.Account(0), governance.MethodWithdraw, &governance.Approve{Proposal: ids[1]}); code != ledger.CodeOK {
		t.Fatal(code)
	}
	if code := again(0); code != ledger.CodeOK {
		t.Errorf("after one was withdrawn: %s", code)
	}
	a.now += day + 1
	for range governance.MaxOpenProposals - 2 { // the newest, and the one that has passed
		if code := again(0); code != ledger.CodeOK {
			t.Errorf("after the others expired: %s", code)
		}
	}
	if code := again(0); code != governance.CodeTooMany {
		t.Errorf("one more: %s", code)
	}
}

// TestNobodyAloneStopsAProposal: who reads a proposal can neither enrol the id it
// names nor keep its key, whichever way.
func TestNobodyAloneStopsAProposal(t *testing.T) {
	t.Parallel()
	node, officer := aplostest.NodeID(40), aplostest.Stranger(5)
	for name, tt := range map[string]struct {
		action governance.Action
		id     ledger.ID
		key    ledger.PublicKey
	}{
		"a node":            {governance.Action{AddNode: &governance.AddNode{Node: node, Organisation: organisation(0), Key: fresh(1)}}, node, fresh(1)},
		"an organisation":   {governance.Action{AddOrganisation: &governance.AddOrganisation{Organisation: organisation(9), Name: "x", Officer: officer, Key: fresh(2)}}, officer, fresh(2)},
		"an officer":        {governance.Action{ReplaceOfficer: &governance.ReplaceOfficer{Organisation: organisation(2), Old: aplostest.AccountID(2), New: officer, Key: fresh(3)}}, officer, fresh(3)},
		"a key of the node": {governance.Action{RotateNodeKey: &governance.RotateNodeKey{Node: aplostest.NodeID(0), Organisation: organisation(0), Key: fresh(4)}}, aplostest.NodeID(0), fresh(4)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAssembly(t, 4)
			id := a.propose(0, tt.action, 2)
			rival, key := a.Account(3), aplostest.DelegateKey(300)
			code := a.member(rival, members.MethodEnrol, &members.Enrol{
				Member: tt.id, Roles: []string{identity.RoleMember}, Keys: []ledger.PublicKey{key.Public()}, Evidence: []ledger.Digest{{1}},
				Proofs: []members.Proof{a.Possession(organisation(3), tt.id, key)},
			})
			if code != contract.CodeExists {
				t.Errorf("enrol the id: %s", code)
			}
			code = a.member(rival, members.MethodAddDelegate, &members.AddDelegate{
				Node: aplostest.NodeID(3), Key: tt.key, Methods: []string{"fl.CreateJob"}, Expiry: a.now + day,
			})
			if code != contract.CodeBadSignature {
				t.Errorf("list the key: %s", code)
			}
			a.approve(id, 1, 2)
			a.seal(2)
			if p := a.proposal(id); p.State != governance.StateActive {
				t.Errorf("the proposal is %s: %s", p.State, p.Failure)
			}
		})
	}
}
