package governance_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	identitycontract "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// everyAction has each action of the table, right for an assembly of four whose
// node 3 is suspended.
func everyAction(a *assembly) []governance.Action {
	return []governance.Action{
		{AddOrganisation: &governance.AddOrganisation{Organisation: organisation(9), Name: "ninth", Officer: aplostest.Stranger(9), Key: fresh(0)}},
		{RemoveOrganisation: &governance.RemoveOrganisation{Organisation: organisation(3)}},
		{ReplaceOfficer: &governance.ReplaceOfficer{Organisation: organisation(1), Old: a.Account(1), New: aplostest.Stranger(8), Key: fresh(1)}},
		{AddNode: &governance.AddNode{Node: aplostest.NodeID(9), Organisation: organisation(0), Key: fresh(2)}},
		{RemoveNode: &governance.RemoveNode{Node: aplostest.NodeID(3)}},
		{RotateNodeKey: &governance.RotateNodeKey{Node: aplostest.NodeID(2), Organisation: organisation(2), Key: fresh(3)}},
		{LiftSuspension: &governance.LiftSuspension{Node: aplostest.NodeID(3)}},
		{AddCA: &governance.AddCA{Organisation: organisation(0), Certificate: ledger.Digest{7}, Key: fresh(4), From: 1, Until: 2 * day}},
		{RemoveCA: &governance.RemoveCA{Certificate: ledger.Digest{8}}},
		limits(5),
		{SetProtocol: &governance.SetProtocol{Version: 2}},
	}
}

func ready(t testing.TB) *assembly {
	t.Helper()
	a := newAssembly(t, 4)
	a.suspend(3)
	a.rows[governance.CARow(ledger.Digest{8})] = a.Encode(&governance.CA{Organisation: organisation(0), Key: fresh(5), Until: 3 * day})
	return a
}

// TestTableOfActions: the table has each field of the action, each can be
// enacted, touches what it says alone, and reads back as it was written.
func TestTableOfActions(t *testing.T) {
	t.Parallel()
	every := everyAction(ready(t))
	if fields := reflect.TypeFor[governance.Action]().NumField(); len(every) != fields {
		t.Fatalf("%d actions are tested, there are %d", len(every), fields)
	}
	seen := map[string]bool{}
	for _, action := range every {
		name := action.Name()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := ready(t)
			if p := a.enact(action); p.State != governance.StateActive {
				t.Errorf("%s, failure %s", p.State, p.Failure)
			}
			b := a.Encode(&action)
			again, err := governance.ParseAction(b)
			if err != nil || !bytes.Equal(a.Encode(again), b) || again.Name() != name {
				t.Errorf("read back as %+v, %v", again, err)
			}
		})
		if seen[name] || name == "" {
			t.Errorf("two actions are called %q", name)
		}
		seen[name] = true
	}
}

// TestActionsRefuse holds what does not fit, at the proposal.
func TestActionsRefuse(t *testing.T) {
	t.Parallel()
	weak := ledger.PublicKey{1} // the neutral element
	for name, tt := range map[string]struct {
		action governance.Action
		code   ledger.Code
	}{
		"an organisation twice":         {governance.Action{AddOrganisation: &governance.AddOrganisation{Organisation: organisation(1), Name: "x", Officer: ledger.ID{1}, Key: fresh(0)}}, contract.CodeExists},
		"an organisation without id":    {governance.Action{AddOrganisation: &governance.AddOrganisation{Name: "x", Officer: ledger.ID{1}, Key: fresh(0)}}, contract.CodeBadArguments},
		"an organisation without name":  {governance.Action{AddOrganisation: &governance.AddOrganisation{Organisation: organisation(9), Officer: ledger.ID{1}, Key: fresh(0)}}, contract.CodeBadArguments},
		"an officer who is a member":    {governance.Action{AddOrganisation: &governance.AddOrganisation{Organisation: organisation(9), Name: "x", Officer: aplostest.NodeID(0), Key: fresh(0)}}, contract.CodeExists},
		"an officer without id":         {governance.Action{AddOrganisation: &governance.AddOrganisation{Organisation: organisation(9), Name: "x", Key: fresh(0)}}, contract.CodeBadArguments},
		"an officer with a node's key":  {governance.Action{AddOrganisation: &governance.AddOrganisation{Organisation: organisation(9), Name: "x", Officer: ledger.ID{1}, Key: aplostest.NodeKey(0).Public()}}, contract.CodeExists},
		"an officer with a weak key":    {governance.Action{AddOrganisation: &governance.AddOrganisation{Organisation: organisation(9), Name: "x", Officer: ledger.ID{1}, Key: weak}}, contract.CodeBadArguments},
		"no such organisation":          {governance.Action{RemoveOrganisation: &governance.RemoveOrganisation{Organisation: organisation(9)}}, contract.CodeNotFound},
		"one's officer as another's":    {governance.Action{ReplaceOfficer: &governance.ReplaceOfficer{Organisation: organisation(0), Old: ledger.ID{0xaa}, New: ledger.ID{1}, Key: fresh(0)}}, contract.CodeNotFound},
		"an officer of nobody":          {governance.Action{ReplaceOfficer: &governance.ReplaceOfficer{Organisation: organisation(9), Old: ledger.ID{0xaa}, New: ledger.ID{1}, Key: fresh(0)}}, contract.CodeConflict},
		"a node for an officer":         {governance.Action{ReplaceOfficer: &governance.ReplaceOfficer{Organisation: organisation(0), Old: aplostest.NodeID(0), New: ledger.ID{1}, Key: fresh(0)}}, contract.CodeConflict},
		"another's node for an officer": {governance.Action{ReplaceOfficer: &governance.ReplaceOfficer{Organisation: organisation(0), Old: aplostest.NodeID(1), New: ledger.ID{1}, Key: fresh(0)}}, contract.CodeConflict},
		"a node of nobody":              {governance.Action{AddNode: &governance.AddNode{Node: ledger.ID{1}, Organisation: organisation(9), Key: fresh(0)}}, contract.CodeConflict},
		"a node twice":                  {governance.Action{AddNode: &governance.AddNode{Node: aplostest.NodeID(1), Organisation: organisation(0), Key: fresh(0)}}, contract.CodeExists},
		"a node with another's key":     {governance.Action{AddNode: &governance.AddNode{Node: ledger.ID{1}, Organisation: organisation(0), Key: aplostest.AccountKey(2).Public()}}, contract.CodeExists},
		"a node that is none":           {governance.Action{RemoveNode: &governance.RemoveNode{Node: ledger.ID{1}}}, contract.CodeNotFound},
		"a quorum that would not be":    {governance.Action{RemoveNode: &governance.RemoveNode{Node: aplostest.NodeID(0)}}, contract.CodeConflict},
		"the organisation of a voter":   {governance.Action{RemoveOrganisation: &governance.RemoveOrganisation{Organisation: organisation(0)}}, contract.CodeConflict},
		"a key for a node that is none": {governance.Action{RotateNodeKey: &governance.RotateNodeKey{Node: ledger.ID{1}, Key: fresh(0)}}, contract.CodeNotFound},
		"a key the node has":            {governance.Action{RotateNodeKey: &governance.RotateNodeKey{Node: aplostest.NodeID(1), Organisation: organisation(1), Key: aplostest.NodeKey(1).Public()}}, contract.CodeExists},
		"a key of nobody's":             {governance.Action{RotateNodeKey: &governance.RotateNodeKey{Node: aplostest.NodeID(1), Organisation: organisation(1), Key: aplostest.DelegateKey(0).Public()}}, contract.CodeBadSignature},
		"a key for another":             {governance.Action{AddNode: &governance.AddNode{Node: ledger.ID{1}, Organisation: organisation(0), Key: fresh(0), Proof: ready(t).Possession(organisation(0), ledger.ID{2}, aplostest.DelegateKey(200))}}, contract.CodeBadSignature},
		"another's node":                {governance.Action{RotateNodeKey: &governance.RotateNodeKey{Node: aplostest.NodeID(1), Organisation: organisation(0), Key: fresh(0)}}, contract.CodeConflict},
		"a node that is not suspended":  {governance.Action{LiftSuspension: &governance.LiftSuspension{Node: aplostest.NodeID(0)}}, contract.CodeNotFound},
		"a CA twice":                    {governance.Action{AddCA: &governance.AddCA{Organisation: organisation(0), Certificate: ledger.Digest{8}, Key: fresh(0), Until: 1}}, contract.CodeExists},
		"a CA of nobody":                {governance.Action{AddCA: &governance.AddCA{Organisation: organisation(9), Certificate: ledger.Digest{9}, Key: fresh(0), Until: 1}}, contract.CodeConflict},
		"a CA without certificate":      {governance.Action{AddCA: &governance.AddCA{Organisation: organisation(0), Key: fresh(0), Until: 1}}, contract.CodeBadArguments},
		"a CA that never vouches":       {governance.Action{AddCA: &governance.AddCA{Organisation: organisation(0), Certificate: ledger.Digest{9}, Key: fresh(0), From: 5, Until: 5}}, contract.CodeBadArguments},
		"a CA with a weak key":          {governance.Action{AddCA: &governance.AddCA{Organisation: organisation(0), Certificate: ledger.Digest{9}, Key: weak, Until: 1}}, contract.CodeBadArguments},
		"no such CA":                    {governance.Action{RemoveCA: &governance.RemoveCA{Certificate: ledger.Digest{9}}}, contract.CodeNotFound},
		"a protocol that skips":         {governance.Action{SetProtocol: &governance.SetProtocol{Version: 3}}, contract.CodeConflict},
		"a protocol that goes back":     {governance.Action{SetProtocol: &governance.SetProtocol{Version: 1}}, contract.CodeConflict},
	} {
		a := ready(t)
		code, _, _ := a.call(a.Account(0), governance.MethodPropose, &governance.Propose{Action: tt.action, Height: 9, Expiry: a.now + day})
		if code != tt.code {
			t.Errorf("%s: %s, want %s", name, code, tt.code)
		}
	}
	a := newAssembly(t, 1)
	for name, action := range map[string]governance.Action{
		"the last organisation": {RemoveOrganisation: &governance.RemoveOrganisation{Organisation: organisation(0)}},
		"the last node":         {RemoveNode: &governance.RemoveNode{Node: aplostest.NodeID(0)}},
	} {
		if code, _, _ := a.call(a.Account(0), governance.MethodPropose, &governance.Propose{Action: action, Height: 9, Expiry: a.now + day}); code != contract.CodeConflict {
			t.Errorf("%s: %s", name, code)
		}
	}
}

// TestMembersFollow holds what the changes do to members.
func TestMembersFollow(t *testing.T) {
	t.Parallel()
	a := newAssembly(t, 4)
	member := func(id ledger.ID) *identitycontract.Member {
		m, ok, err := contract.LoadFrom[identitycontract.Member](a.rows, identitycontract.MemberRow(id))
		if err != nil || !ok {
			t.Fatalf("member %s: %t, %v", id, ok, err)
		}
		return m
	}
	every := everyAction(a)
	a.enact(every[0]) // the ninth organisation
	if m := member(aplostest.Stranger(9)); m.Status != identity.StatusActive || !m.Has(identity.RoleOfficer) || m.Organisation != organisation(9) {
		t.Errorf("the new organisation's officer: %+v", m)
	}
	a.enact(every[2]) // organisation 1 gets another officer
	if m := member(a.Account(1)); m.Status != identity.StatusRevoked {
		t.Errorf("the old officer is %s", m.Status)
	}
	if code, _, _ := a.call(a.Account(1), governance.MethodApprove, &governance.Approve{}); code != identitycontract.CodeNotActive {
		t.Errorf("the old officer acts: %s", code)
	}
	if m := member(aplostest.Stranger(8)); m.Status != identity.StatusActive || m.Keys[0].Key != fresh(1) {
		t.Errorf("the new officer: %+v", m)
	}
	a.now++
	rotate := func(key ledger.PublicKey) *governance.Proposal {
		id := a.propose(0, governance.Action{RotateNodeKey: &governance.RotateNodeKey{Node: aplostest.NodeID(2), Organisation: organisation(2), Key: key}}, a.height+1)
		a.approve(id, 2, 3)
		if code, _, _ := a.call(aplostest.Stranger(8), governance.MethodApprove, &governance.Approve{Proposal: id}); code != ledger.CodeOK {
			t.Errorf("the new officer approves: %s", code)
		}
		a.seal(a.height + 1)
		return a.proposal(id)
	}
	if p := rotate(fresh(3)); p.State != governance.StateActive {
		t.Fatalf("%+v", p)
	}
	m := member(aplostest.NodeID(2))
	if _, ok := m.KeyAt(aplostest.NodeKey(2).ID(), a.now); ok {
		t.Error("a node's old key still counts")
	}
	if _, ok := m.KeyAt(fresh(3).ID(), a.now); !ok || a.group().Nodes[2].Key != fresh(3) {
		t.Error("a node's new key does not count")
	}
}

// TestForgiven: what a node was forgiven can't suspend it again, what it does
// afterwards can.
func TestForgiven(t *testing.T) {
	t.Parallel()
	a := ready(t)
	c := &court{TB: t, Chain: a.Chain}
	report := func(height uint64) ledger.Code {
		e := c.evidence(3, height)
		code, _, _ := a.call(a.Account(0), governance.MethodReportEquivocation, &e)
		return code
	}
	a.enact(governance.Action{LiftSuspension: &governance.LiftSuspension{Node: aplostest.NodeID(3)}})
	if is, err := governance.IsSuspended(a.rows, aplostest.NodeID(3)); is || err != nil {
		t.Fatalf("suspended: %t, %v", is, err)
	}
	if _, ok := a.rows[governance.SuspendedRow]; ok {
		t.Error("an empty list is kept")
	}
	if code := report(a.height - 1); code != contract.CodeExists {
		t.Errorf("evidence of before: %s", code)
	}
	if code := report(a.height); code != ledger.CodeOK {
		t.Errorf("evidence of after: %s", code)
	}
}

// TestChangesMerge: what is due at one height is one epoch; what does not fit
// any more fails alone.
func TestChangesMerge(t *testing.T) {
	t.Parallel()
	a := newAssembly(t, 4)
	pass := func(action governance.Action, height uint64) ledger.Digest {
		id := a.propose(0, action, height)
		a.approve(id, 1, 2)
		return id
	}
	add := pass(governance.Action{AddNode: &governance.AddNode{Node: aplostest.NodeID(9), Organisation: organisation(0), Key: fresh(0)}}, 5)
	twice := pass(governance.Action{AddNode: &governance.AddNode{Node: aplostest.NodeID(9), Organisation: organisation(0), Key: fresh(1)}}, 5)
	remove := pass(governance.Action{RemoveOrganisation: &governance.RemoveOrganisation{Organisation: organisation(3)}}, 5)
	later := pass(governance.Action{RotateNodeKey: &governance.RotateNodeKey{Node: aplostest.NodeID(0), Organisation: organisation(0), Key: fresh(2)}}, 6)
	a.seal(5)
	group := a.group()
	if group.Epoch != 1 || len(group.Nodes) != 4 || group.Index(aplostest.NodeID(3)) >= 0 || group.Index(aplostest.NodeID(9)) != 3 {
		t.Errorf("group %+v", group)
	}
	epoch, ok, err := governance.LoadEpoch(a.rows, 1)
	if err != nil || !ok || epoch.First != 5 || !reflect.DeepEqual(epoch.Group, *group) {
		t.Errorf("epoch %+v, %t, %v", epoch, ok, err)
	}
	for id, want := range map[ledger.Digest]governance.State{
		add: governance.StateActive, twice: governance.StateFailed, remove: governance.StateActive, later: governance.StatePassed,
	} {
		if p := a.proposal(id); p.State != want {
			t.Errorf("%s is %s, failure %s", id.Short(), p.State, p.Failure)
		}
	}
	if p := a.proposal(twice); p.Failure != contract.CodeExists {
		t.Errorf("failure %s", p.Failure)
	}
	a.seal(6)
	if a.group().Epoch != 2 || a.group().Nodes[0].Key != fresh(2) {
		t.Errorf("group %+v", a.group())
	}
	for _, stands := range []int{0, 1, 2} {
		if ok, err := governance.Stands(a.rows, organisation(stands)); !ok || err != nil {
			t.Errorf("organisation %d stands: %t, %v", stands, ok, err)
		}
	}
	if ok, err := governance.Stands(a.rows, organisation(3)); ok || err != nil {
		t.Errorf("organisation 3 stands: %t, %v", ok, err)
	}
	if code, _, _ := a.call(a.Account(3), governance.MethodApprove, &governance.Approve{Proposal: later}); code != contract.CodeConflict {
		t.Errorf("the officer of an organisation that does not stand: %s", code)
	}
}

// TestLastBlockCanBeSigned: who was suspended while the last block of an epoch
// was made does not sign it, even if the same seal forgives. That epoch must not
// end, or nothing would be final any more.
func TestLastBlockCanBeSigned(t *testing.T) {
	t.Parallel()
	a := newAssembly(t, 4)
	a.suspend(2)
	lift := a.propose(0, governance.Action{LiftSuspension: &governance.LiftSuspension{Node: aplostest.NodeID(2)}}, 3)
	rotation := governance.Action{RotateNodeKey: &governance.RotateNodeKey{Node: aplostest.NodeID(0), Organisation: organisation(0), Key: fresh(1)}}
	rotate, limit := a.propose(0, rotation, 3), a.propose(0, limits(7), 3)
	for _, id := range []ledger.Digest{lift, rotate, limit} {
		a.approve(id, 1, 2)
	}
	a.suspend(2, 3) // two of four can't sign
	a.seal(3)
	if p := a.proposal(rotate); p.State != governance.StateFailed || p.Failure != contract.CodeConflict || a.group().Epoch != 0 {
		t.Errorf("the rotation is %s, failure %s, epoch %d", p.State, p.Failure, a.group().Epoch)
	}
	if a.proposal(lift).State != governance.StateActive || a.proposal(limit).State != governance.StateActive {
		t.Errorf("lift %s, limits %s: they change no group", a.proposal(lift).State, a.proposal(limit).State)
	}
	if p := a.enact(rotation); p.State != governance.StateActive || a.group().Epoch != 1 {
		t.Errorf("once three can sign: %s, failure %s", p.State, p.Failure)
	}
}

// TestApprovalsOfWhoLeft: the approval of an organisation that does not stand
// when it is counted is none.
func TestApprovalsOfWhoLeft(t *testing.T) {
	t.Parallel()
	a := newAssembly(t, 5) // a quorum is four
	id := a.propose(4, limits(3), 20)
	a.approve(id, 3)
	a.enact(governance.Action{RemoveOrganisation: &governance.RemoveOrganisation{Organisation: organisation(4)}})
	a.approve(id, 1) // two that stand of four
	if p := a.proposal(id); p.State != governance.StateOpen {
		t.Errorf("%s with two approvals of four", p.State)
	}
	a.approve(id, 2)
	if p := a.proposal(id); p.State != governance.StatePassed {
		t.Errorf("%s with three approvals of four", p.State)
	}
}

// TestRowsStayAsTheyWere reads and writes rows and arguments in the form in
// which chains hold them. A changed form is a new protocol version.
func TestRowsStayAsTheyWere(t *testing.T) {
	t.Parallel()
	one, two := strings.Repeat("01", 16), strings.Repeat("02", 32)
	id, digest := ledger.ID(bytes.Repeat([]byte{1}, 16)), ledger.Digest(bytes.Repeat([]byte{2}, 32))
	key := ledger.PublicKey(digest)
	for name, tt := range map[string]struct {
		row  any
		want string
	}{
		"a proposal": {
			&governance.Proposal{
				Organisation: id, Action: []byte{0xa0}, Height: 5, Created: 6, Expiry: 7, State: governance.StateOpen,
				Approvals: []governance.Approval{{Organisation: id, Officer: id, Time: 6}},
			},
			"8a50" + one + "41a0050607646f70656e0060818450" + one + "50" + one + "06f480",
		},
		"an epoch": {
			&governance.Epoch{First: 9, Group: ledger.Group{Epoch: 1, Nodes: []ledger.GroupNode{{Node: id, Organisation: id, Key: key}}}},
			"82098201818350" + one + "50" + one + "5820" + two,
		},
		"a CA":          {&governance.CA{Organisation: id, Key: key, From: 1, Until: 2}, "8550" + one + "5820" + two + "0102f4"},
		"organisations": {[]ledger.ID{id}, "8150" + one},
		"a proposal's arguments": {
			&governance.Propose{Action: governance.Action{RemoveNode: &governance.RemoveNode{Node: id}}, Height: 5, Expiry: 7},
			"a366616374696f6ea16b72656d6f76655f6e6f6465a1646e6f646550" + one + "66657870697279076668656967687405",
		},
		"an approval's arguments": {&governance.Approve{Proposal: digest}, "a16870726f706f73616c5820" + two},
	} {
		b, err := ledger.Encode(tt.row)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(b); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func FuzzParseAction(f *testing.F) {
	a := ready(f)
	for _, action := range everyAction(a) {
		f.Add(a.Encode(&action))
	}
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, b []byte) {
		action, err := governance.ParseAction(b)
		if refused := (*contract.Error)(nil); err != nil {
			if !errors.Is(err, ledger.ErrMalformed) && !errors.As(err, &refused) {
				t.Fatalf("got %v", err)
			}
			return
		}
		again, err := ledger.Encode(action)
		if err != nil || !bytes.Equal(again, b) || action.Name() == "" {
			t.Fatalf("%x is taken for %x, %v", b, again, err)
		}
	})
}
