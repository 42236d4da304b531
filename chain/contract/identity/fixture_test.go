package identity_test

import (
	"errors"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/identity"
	keys "github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// registry is the rows of a chain of two organisations. Account 0 is the
// officer of the first, account 1 that of the second; accounts 2 and 3 are
// members of the first.
type registry struct {
	testing.TB
	*aplostest.Chain
	rows aplostest.Rows
	set  *contract.Set
	now  int64
}

func newRegistry(t testing.TB) *registry {
	t.Helper()
	second := ledger.ID{2}
	c := aplostest.New(t, 2, 4, start, func(g *ledger.Genesis) {
		g.Organisations = append(g.Organisations, ledger.GenesisOrganisation{ID: second, Name: "second"})
		g.Members[0].Roles = []string{keys.RoleOfficer}
		g.Members[1].Roles, g.Members[1].Organisation = []string{keys.RoleOfficer}, second
	})
	r := &registry{TB: t, Chain: c, rows: aplostest.Rows{}, set: contract.NewSet(identity.New()), now: start}
	env := contract.NewGenesisEnv(r.rows, start)
	if err := identity.New().Genesis(c.Genesis, env); err != nil {
		t.Fatal(err)
	}
	r.rows.Apply(env.Writes())
	return r
}

// call runs a method and returns its code and events. What fails leaves the
// rows as they were.
func (r *registry) call(sender ledger.ID, method string, args any) (ledger.Code, []ledger.Event) {
	r.Helper()
	return r.raw(sender, method, r.Encode(args))
}

func (r *registry) raw(sender ledger.ID, method string, args []byte) (ledger.Code, []ledger.Event) {
	r.Helper()
	action, err := r.set.Bind(contract.Call{
		Chain: testChain, Sender: sender, Contract: identity.Name, Method: method, Args: args, LogTime: r.now,
	})
	var env *contract.Env
	if err == nil {
		env = contract.NewEnv(r.rows, action.Footprint, r.now)
		err = action.Run(env)
	}
	if err == nil {
		r.rows.Apply(env.Writes())
		return ledger.CodeOK, env.Events()
	}
	refused := (*contract.Error)(nil)
	if !errors.As(err, &refused) || refused.Detail == "" {
		r.Fatalf("%s: %v is no result", method, err)
	}
	return refused.Code, nil
}

// want fails the test where a call does not end with the code.
func (r *registry) want(code ledger.Code, sender ledger.ID, method string, args any) {
	r.Helper()
	if got, _ := r.call(sender, method, args); got != code {
		r.Errorf("%s %+v: %s, want %s", method, args, got, code)
	}
}

func (r *registry) member(id ledger.ID) *identity.Member {
	r.Helper()
	m, ok, err := contract.LoadFrom[identity.Member](r.rows, identity.MemberRow(id))
	if err != nil || !ok {
		r.Fatalf("member %s: %t, %v", id, ok, err)
	}
	return m
}

// authority returns the code with which a transaction of that key would be
// refused.
func (r *registry) authority(sender ledger.ID, key *keys.Key, method string) ledger.Code {
	r.Helper()
	signer, err := identity.Authority(r.rows, sender, key.ID(), method, r.now)
	if err == nil {
		if signer.Key != key.Public() {
			r.Errorf("authority gives key %x for %x", signer.Key, key.Public())
		}
		return ledger.CodeOK
	}
	refused := (*contract.Error)(nil)
	if !errors.As(err, &refused) {
		r.Fatal(err)
	}
	return refused.Code
}

var testChain = ledger.Digest{9}

// enrolment returns arguments that are right for account 0.
func (r *registry) enrolment(i int) identity.Enrol {
	return identity.Enrol{
		Member: aplostest.Stranger(i), Roles: []string{keys.RoleMember},
		Keys: []ledger.PublicKey{newKey(i).Public()}, Evidence: []ledger.Digest{{byte(i), 1}},
		Proofs: []identity.Proof{r.proof(r.Account(0), aplostest.Stranger(i), newKey(i))},
	}
}

// proof returns the key's word that it is to be the member's in the
// organisation of the one who enrols it.
func (r *registry) proof(officer, member ledger.ID, key *keys.Key) identity.Proof {
	r.Helper()
	p := ledger.Possession{Version: ledger.Version, Chain: testChain, Member: member, Key: key.Public()}
	if m, ok, err := contract.LoadFrom[identity.Member](r.rows, identity.MemberRow(officer)); err == nil && ok {
		p.Organisation = m.Organisation
	}
	signature, err := p.Sign(key.Sign)
	if err != nil {
		r.Fatal(err)
	}
	return signature
}

// newKey returns a key that no genesis lists.
func newKey(i int) *keys.Key { return aplostest.DelegateKey(100 + i) }
