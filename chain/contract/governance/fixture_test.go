package governance_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	identitycontract "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

const day = int64(24 * 3600 * 1_000)

// assembly is the rows of a chain of organisations with an officer and a node
// each: account i is the officer of organisation i, node i its node. What
// aplos does around a contract it does itself.
type assembly struct {
	testing.TB
	*aplostest.Chain
	rows   aplostest.Rows
	set    *contract.Set
	now    int64
	height uint64 // of the block being made
	calls  uint64
}

func organisation(i int) ledger.ID { return ledger.ID{0xc0, byte(i)} }

func newAssembly(t testing.TB, n int) *assembly {
	t.Helper()
	c := aplostest.New(t, n, n, 1_000, func(g *ledger.Genesis) {
		g.Organisations = nil
		for i := range n {
			g.Organisations = append(g.Organisations, ledger.GenesisOrganisation{ID: organisation(i), Name: "some"})
			g.Members[i].Organisation, g.Members[i].Roles = organisation(i), []string{identity.RoleOfficer}
			g.Group.Nodes[i].Organisation = organisation(i)
		}
	})
	a := &assembly{TB: t, Chain: c, rows: aplostest.Rows{}, set: aplostest.Contracts()[0], now: 1_000, height: 1}
	for _, k := range []contract.Contract{governance.New(), identitycontract.New()} {
		env := contract.NewGenesisEnv(a.rows, a.now)
		if err := k.Genesis(c.Genesis, env); err != nil {
			t.Fatal(err)
		}
		a.rows.Apply(env.Writes())
	}
	return a
}

// call executes a method and returns its code, the id of the transaction and
// its events. What is refused leaves the rows as they were.
func (a *assembly) call(sender ledger.ID, method string, args any) (ledger.Code, ledger.Digest, []ledger.Event) {
	a.Helper()
	if p, ok := args.(*governance.Propose); ok {
		a.prove(&p.Action)
	}
	return a.send(sender, method, args)
}

// prove puts the proofs of possession into an action that lacks them.
func (a *assembly) prove(action *governance.Action) {
	a.Helper()
	proof := func(organisation, member ledger.ID, key ledger.PublicKey, into *[ledger.SignatureSize]byte) {
		for i := range 60 {
			for _, k := range []*identity.Key{aplostest.DelegateKey(200 + i), aplostest.NodeKey(i), aplostest.AccountKey(i)} {
				if k.Public() == key && *into == [ledger.SignatureSize]byte{} {
					*into = a.Possession(organisation, member, k)
				}
			}
		}
	}
	switch {
	case action.AddOrganisation != nil:
		x := action.AddOrganisation
		proof(x.Organisation, x.Officer, x.Key, &x.Proof)
	case action.ReplaceOfficer != nil:
		x := action.ReplaceOfficer
		proof(x.Organisation, x.New, x.Key, &x.Proof)
	case action.AddNode != nil:
		x := action.AddNode
		proof(x.Organisation, x.Node, x.Key, &x.Proof)
	case action.RotateNodeKey != nil:
		x := action.RotateNodeKey
		proof(x.Organisation, x.Node, x.Key, &x.Proof)
	}
}

// member executes a method of the contract of members.
func (a *assembly) member(sender ledger.ID, method string, args any) ledger.Code {
	a.Helper()
	code, _, _ := a.execute(sender, identitycontract.Name, method, args)
	return code
}

func (a *assembly) send(sender ledger.ID, method string, args any) (ledger.Code, ledger.Digest, []ledger.Event) {
	a.Helper()
	return a.execute(sender, governance.Name, method, args)
}

func (a *assembly) execute(sender ledger.ID, name, method string, args any) (ledger.Code, ledger.Digest, []ledger.Event) {
	a.Helper()
	a.calls++
	call := contract.Call{
		Chain: a.ID, Sender: sender, Contract: name, Method: method, Args: a.Encode(args), LogTime: a.now, Height: a.height,
	}
	binary.BigEndian.PutUint64(call.ID[:], a.calls)
	action, err := a.set.Bind(call)
	var env *contract.Env
	if err == nil {
		env = contract.NewEnv(a.rows, action.Footprint, a.now)
		err = action.Run(env)
	}
	if err == nil {
		a.rows.Apply(env.Writes())
		return ledger.CodeOK, call.ID, env.Events()
	}
	refused := (*contract.Error)(nil)
	if !errors.As(err, &refused) || refused.Detail == "" {
		a.Fatalf("%s: %v is no result", method, err)
	}
	if refused.Code == contract.CodeOutsideFootprint {
		a.Fatalf("%s: %v", method, err)
	}
	return refused.Code, call.ID, nil
}

// propose makes a proposal that must be taken, and returns its id.
func (a *assembly) propose(by int, action governance.Action, height uint64) ledger.Digest {
	a.Helper()
	code, id, _ := a.call(a.Account(by), governance.MethodPropose, &governance.Propose{Action: action, Height: height, Expiry: a.now + day})
	if code != ledger.CodeOK {
		a.Fatalf("propose %s: %s", action.Name(), code)
	}
	return id
}

// approve has organisations approve, which must be taken.
func (a *assembly) approve(id ledger.Digest, by ...int) {
	a.Helper()
	for _, i := range by {
		if code, _, _ := a.call(a.Account(i), governance.MethodApprove, &governance.Approve{Proposal: id}); code != ledger.CodeOK {
			a.Fatalf("organisation %d approves: %s", i, code)
		}
	}
}

// seal ends blocks until that of the given height is being made.
func (a *assembly) seal(until uint64) {
	a.Helper()
	for a.height < until {
		env := contract.NewSealEnv(a.rows, a.now)
		for _, c := range a.set.Contracts() {
			if c.Seal == nil {
				continue
			}
			if err := c.Seal(env, a.height); err != nil {
				a.Fatal(err)
			}
		}
		a.rows.Apply(env.Writes())
		a.height++
	}
}

// enact proposes, has all others approve, and goes to the height.
func (a *assembly) enact(action governance.Action) *governance.Proposal {
	a.Helper()
	id := a.propose(0, action, a.height+1)
	for i := 1; a.proposal(id).State == governance.StateOpen; i++ {
		a.approve(id, i)
	}
	a.seal(a.height + 1)
	return a.proposal(id)
}

func (a *assembly) proposal(id ledger.Digest) *governance.Proposal {
	a.Helper()
	p, ok, err := governance.LoadProposal(a.rows, id)
	if err != nil || !ok {
		a.Fatalf("proposal %s: %t, %v", id, ok, err)
	}
	return p
}

func (a *assembly) group() *ledger.Group {
	a.Helper()
	group, err := governance.Group(a.rows)
	if err != nil {
		a.Fatal(err)
	}
	return group
}

// fresh returns a key that nobody has.
func fresh(i int) ledger.PublicKey { return aplostest.DelegateKey(200 + i).Public() }

// suspend writes that nodes are suspended, ids ascending.
func (a *assembly) suspend(nodes ...int) {
	a.Helper()
	var list []governance.Suspension
	for _, i := range nodes {
		list = append(list, governance.Suspension{Node: aplostest.NodeID(i), Height: 1})
	}
	a.rows[governance.SuspendedRow] = a.Encode(list)
}
