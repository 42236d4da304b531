package identity_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/identity"
	keys "github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

const start = 1000

// chain has a delegate for account 0 that may sign token.transfer until 5000.
func chain(t testing.TB) (*aplostest.Chain, aplostest.Rows) {
	t.Helper()
	c := aplostest.New(t, 2, 2, start, func(g *ledger.Genesis) {
		g.Delegates = append(g.Delegates, ledger.GenesisDelegate{
			Member: g.Members[0].ID, Node: aplostest.NodeID(0), Key: aplostest.DelegateKey(0).Public(),
			Methods: []string{"fl.CreateJob", "token.transfer"}, Expiry: 5000,
		})
	})
	rows := aplostest.Rows{}
	env := contract.NewGenesisEnv(rows, c.Genesis.Time)
	if err := identity.New().Genesis(c.Genesis, env); err != nil {
		t.Fatal(err)
	}
	rows.Apply(env.Writes())
	return c, rows
}

// change edits the row of a member.
func change(t testing.TB, rows aplostest.Rows, id ledger.ID, edit func(*identity.Member)) {
	t.Helper()
	m, ok, err := contract.LoadFrom[identity.Member](rows, identity.MemberRow(id))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	edit(m)
	b, err := ledger.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	rows[identity.MemberRow(id)] = b
}

func TestAuthority(t *testing.T) {
	t.Parallel()
	own, delegate, foreign := aplostest.AccountKey(0), aplostest.DelegateKey(0), aplostest.AccountKey(1)
	limited := func(m *identity.Member) { m.Keys[0].From, m.Keys[0].Until = 2000, 3000 }
	for _, tt := range []struct {
		name   string
		edit   func(*identity.Member)
		sender int // -1: a stranger
		key    *keys.Key
		method string
		at     int64
		code   ledger.Code
	}{
		{"own key", nil, 0, own, "token.transfer", start, ""},
		{"own key for anything", nil, 0, own, "any.thing", 1 << 50, ""},
		{"before the chain's time", nil, 0, own, "token.transfer", start - 1, contract.CodeUnknownKey},
		{"foreign key", nil, 0, foreign, "token.transfer", start, contract.CodeUnknownKey},
		{"stranger", nil, -1, own, "token.transfer", start, contract.CodeUnknownSender},
		{"frozen", func(m *identity.Member) { m.Status = keys.StatusFrozen }, 0, own, "token.transfer", start, identity.CodeNotActive},
		{"revoked", func(m *identity.Member) { m.Status = keys.StatusRevoked }, 0, own, "token.transfer", start, identity.CodeNotActive},
		{"delegate of a frozen member", func(m *identity.Member) { m.Status = keys.StatusFrozen }, 0, delegate, "token.transfer", start, identity.CodeNotActive},
		{"key not yet", limited, 0, own, "token.transfer", 1999, contract.CodeUnknownKey},
		{"key from", limited, 0, own, "token.transfer", 2000, ""},
		{"key until", limited, 0, own, "token.transfer", 2999, ""},
		{"key no more", limited, 0, own, "token.transfer", 3000, contract.CodeUnknownKey},
		{"delegate", nil, 0, delegate, "token.transfer", start, ""},
		{"delegate's last moment", nil, 0, delegate, "fl.CreateJob", 5000, ""},
		{"delegate expired", nil, 0, delegate, "fl.CreateJob", 5001, contract.CodeUnknownKey},
		{"delegate, other method", nil, 0, delegate, "fl.SubmitUpdate", start, contract.CodeNotPermitted},
		{"delegate, part of a name", nil, 0, delegate, "fl.Create", start, contract.CodeNotPermitted},
		{"delegate of another", nil, 1, delegate, "token.transfer", start, contract.CodeUnknownKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, rows := chain(t)
			if tt.edit != nil {
				change(t, rows, c.Account(0), tt.edit)
			}
			sender := aplostest.Stranger(0)
			if tt.sender >= 0 {
				sender = c.Account(tt.sender)
			}
			got, err := identity.Authority(rows, sender, tt.key.ID(), tt.method, tt.at)
			if tt.code == "" {
				if err != nil || got.Key != tt.key.Public() {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			if refused := (*contract.Error)(nil); !errors.As(err, &refused) || refused.Code != tt.code {
				t.Errorf("error %v, want %s", err, tt.code)
			}
		})
	}
}

func TestRequire(t *testing.T) {
	t.Parallel()
	c, rows := chain(t)
	require := func(id ledger.ID, role string) error {
		env := contract.NewEnv(rows, contract.Footprint{Reads: []contract.Key{identity.MemberRow(id)}}, start)
		_, err := identity.Require(env, id, role)
		return err
	}
	code := func(err error) ledger.Code {
		refused := (*contract.Error)(nil)
		if errors.As(err, &refused) {
			return refused.Code
		}
		return ""
	}
	if err := require(c.Account(0), keys.RoleMember); err != nil {
		t.Error(err)
	}
	if err := require(aplostest.NodeID(1), keys.RoleNode); err != nil { // nodes are members too
		t.Error(err)
	}
	if err := require(c.Account(0), keys.RolePeer); code(err) != contract.CodeNotPermitted {
		t.Errorf("without the role: %v", err)
	}
	if err := require(aplostest.Stranger(0), keys.RoleMember); code(err) != contract.CodeUnknownSender {
		t.Errorf("stranger: %v", err)
	}
	change(t, rows, c.Account(0), func(m *identity.Member) { m.Status = keys.StatusFrozen })
	if err := require(c.Account(0), keys.RoleMember); code(err) != identity.CodeNotActive {
		t.Errorf("frozen: %v", err)
	}
	env := contract.NewEnv(rows, contract.Footprint{}, start)
	if _, err := identity.Require(env, c.Account(1), keys.RoleMember); code(err) != contract.CodeOutsideFootprint {
		t.Errorf("row outside the footprint: %v", err)
	}
}

// TestGenesisRefusesWeakKeys: nobody may enrol a key of small order.
func TestGenesisRefusesWeakKeys(t *testing.T) {
	t.Parallel()
	weak := ledger.PublicKey{1} // the neutral element
	for name, spoil := range map[string]func(*ledger.Genesis){
		"member":   func(g *ledger.Genesis) { g.Members[0].Key = weak },
		"node":     func(g *ledger.Genesis) { g.Group.Nodes[0].Key = weak },
		"delegate": func(g *ledger.Genesis) { g.Delegates[0].Key = weak },
	} {
		c, _ := chain(t)
		spoil(c.Genesis)
		env := contract.NewGenesisEnv(aplostest.Rows{}, start)
		if err := identity.New().Genesis(c.Genesis, env); !errors.Is(err, keys.ErrWeakKey) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestBrokenRow(t *testing.T) {
	t.Parallel()
	c, rows := chain(t)
	rows[identity.MemberRow(c.Account(0))] = []byte("rubbish")
	_, err := identity.Authority(rows, c.Account(0), aplostest.AccountKey(0).ID(), "token.transfer", start)
	if refused := (*contract.Error)(nil); err == nil || errors.As(err, &refused) {
		t.Errorf("a broken row gave a result: %v", err)
	}
}

// quiet lets an example use what makes chains for tests.
type quiet struct{ testing.TB }

func (quiet) Helper() {}

// A delegate key signs for its member what it was given, until it expires.
func ExampleAuthority() {
	c, rows := chain(quiet{})
	key := aplostest.DelegateKey(0)
	for _, method := range []string{"fl.CreateJob", "fl.SubmitUpdate"} {
		_, err := identity.Authority(rows, c.Account(0), key.ID(), method, start)
		refused := (*contract.Error)(nil)
		fmt.Println(method, err == nil, errors.As(err, &refused) && refused.Code == contract.CodeNotPermitted)
	}
	// Output:
	// fl.CreateJob true false
	// fl.SubmitUpdate false true
}
