package ledger_test

import (
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/librum/librum/chain/ledger"
)

func TestGenesisRefusals(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", ledger.MaxNameBytes+1)
	most, err := ledger.ParseAmount(new(big.Int).Sub(bound, big.NewInt(1)).String())
	if err != nil {
		t.Fatal(err)
	}
	many := func(n int) []string {
		var names []string
		for i := range n {
			names = append(names, "m.a"+string('A'+rune(i/26))+string('a'+rune(i%26)))
		}
		return names
	}
	tests := []struct {
		name   string
		change func(*ledger.Genesis)
		where  string
	}{
		{"version", func(g *ledger.Genesis) { g.Version = 0 }, "version"},
		{"no name", func(g *ledger.Genesis) { g.Name = "" }, "name"},
		{"long name", func(g *ledger.Genesis) { g.Name = long }, "name"},
		{"time 0", func(g *ledger.Genesis) { g.Time = 0 }, "time"},
		{"time before 1970", func(g *ledger.Genesis) { g.Time = -1 }, "time"},
		{"no transactions per block", func(g *ledger.Genesis) { g.Limits.BlockTransactions = 0 }, "limits"},
		{"no bytes per block", func(g *ledger.Genesis) { g.Limits.BlockBytes = 0 }, "limits"},
		{"too many bytes per block", func(g *ledger.Genesis) { g.Limits.BlockBytes = ledger.MaxBlockBytes/2 + 1 }, "limits"},
		{"short ttl", func(g *ledger.Genesis) { g.Limits.MaxTTL = 999 }, "limits"},
		{"long ttl", func(g *ledger.Genesis) { g.Limits.MaxTTL = 24*3600*1000 + 1 }, "limits"},

		{"no organisations", func(g *ledger.Genesis) { g.Organisations = nil }, "organisations"},
		{"organisation without id", func(g *ledger.Genesis) { g.Organisations[1].ID = ledger.ID{} }, "organisation 1"},
		{"organisation twice", func(g *ledger.Genesis) { g.Organisations[1].ID = g.Organisations[0].ID }, "organisation 1"},
		{"organisation without name", func(g *ledger.Genesis) { g.Organisations[2].Name = "" }, "organisation 2"},
		{"organisation with a long name", func(g *ledger.Genesis) { g.Organisations[3].Name = long }, "organisation 3"},

		{"no nodes", func(g *ledger.Genesis) { g.Group.Nodes = nil }, "group"},
		{"epoch", func(g *ledger.Genesis) { g.Group.Epoch = 1 }, "group"},
		{"node without id", func(g *ledger.Genesis) { g.Group.Nodes[0].Node = ledger.ID{} }, "group node 0"},
		{"nodes out of order", func(g *ledger.Genesis) { slices.Reverse(g.Group.Nodes) }, "group node 1"},
		{"node twice", func(g *ledger.Genesis) { g.Group.Nodes[2].Node = g.Group.Nodes[1].Node }, "group node 2"},
		{"node of nobody", func(g *ledger.Genesis) { g.Group.Nodes[3].Organisation = id(0xff) }, "group node 3"},
		{"nodes with one key", func(g *ledger.Genesis) { g.Group.Nodes[3].Key = g.Group.Nodes[0].Key }, "group node 3"},

		{"member without id", func(g *ledger.Genesis) { g.Members[0].ID = ledger.ID{} }, "member 0"},
		{"member twice", func(g *ledger.Genesis) { g.Members[1].ID = g.Members[0].ID }, "member 1"},
		{"member with a node's id", func(g *ledger.Genesis) { g.Members[1].ID = id(3) }, "member 1"},
		{"member of nobody", func(g *ledger.Genesis) { g.Members[0].Organisation = id(0xff) }, "member 0"},
		{"members with one key", func(g *ledger.Genesis) { g.Members[1].Key = g.Members[0].Key }, "member 1"},
		{"roles out of order", func(g *ledger.Genesis) { slices.Reverse(g.Members[0].Roles) }, "member 0"},
		{"role twice", func(g *ledger.Genesis) { g.Members[1].Roles = []string{"peer", "peer"} }, "member 1"},
		{"empty role", func(g *ledger.Genesis) { g.Members[1].Roles = []string{""} }, "member 1 role"},
		{"role with a space", func(g *ledger.Genesis) { g.Members[1].Roles = []string{"a b"} }, "member 1 role"},
		{"many roles", func(g *ledger.Genesis) { g.Members[1].Roles = many(17) }, "member 1"},

		{"delegate of nobody", func(g *ledger.Genesis) { g.Delegates[0].Member = id(0xff) }, "delegate 0"},
		{"delegate at no node", func(g *ledger.Genesis) { g.Delegates[0].Node = id(0xff) }, "delegate 0"},
		{"delegate with a member's key", func(g *ledger.Genesis) { g.Delegates[0].Key = g.Members[1].Key }, "delegate 0"},
		{"delegates with one key", func(g *ledger.Genesis) { g.Delegates = append(g.Delegates, g.Delegates[0]) }, "delegate 1"},
		{"delegate for nothing", func(g *ledger.Genesis) { g.Delegates[0].Methods = nil }, "delegate 0"},
		{"delegate for much", func(g *ledger.Genesis) { g.Delegates[0].Methods = many(65) }, "delegate 0"},
		{"methods out of order", func(g *ledger.Genesis) { slices.Reverse(g.Delegates[0].Methods) }, "delegate 0"},
		{"method twice", func(g *ledger.Genesis) { g.Delegates[0].Methods[1] = g.Delegates[0].Methods[0] }, "delegate 0"},
		{"method without contract", func(g *ledger.Genesis) { g.Delegates[0].Methods = []string{".m"} }, "delegate 0 contract"},
		{"contract without method", func(g *ledger.Genesis) { g.Delegates[0].Methods = []string{"token"} }, "delegate 0 method"},
		{"two dots", func(g *ledger.Genesis) { g.Delegates[0].Methods = []string{"a.b.c"} }, "delegate 0 method"},
		{"expired delegate", func(g *ledger.Genesis) { g.Delegates[0].Expiry = g.Time }, "delegate 0"},

		{"no symbol", func(g *ledger.Genesis) { g.Token.Symbol = "" }, "token symbol"},
		{"symbol with a space", func(g *ledger.Genesis) { g.Token.Symbol = "L C" }, "token symbol"},
		{"account twice", func(g *ledger.Genesis) { g.Token.Allocations[1].Account = g.Token.Allocations[0].Account }, "allocation 1"},
		{"long purpose", func(g *ledger.Genesis) { g.Token.Allocations[1].Purpose = long }, "allocation 1"},
		{"sum passes 2^256", func(g *ledger.Genesis) { g.Token.Allocations[1].Amount = most }, "allocation 1"},
		{"supply too large", func(g *ledger.Genesis) { g.Token.Supply = ledger.NewAmount(1_000_001) }, "token"},
		{"supply too small", func(g *ledger.Genesis) { g.Token.Supply = ledger.NewAmount(999_999) }, "token"},
		{"presale of more than circulates", func(g *ledger.Genesis) { g.Token.Presale.Amount = ledger.NewAmount(400_001) }, "presale"},
		{"presale of a reserve", func(g *ledger.Genesis) { g.Token.Allocations[0].Purpose = "reserve" }, "presale"},
		{"presale splits nothing", func(g *ledger.Genesis) { g.Token.Presale.Splits = "" }, "presale"},
		{"presale splits other things", func(g *ledger.Genesis) { g.Token.Presale.Splits = "hairs" }, "presale"},
		{"shares too large", func(g *ledger.Genesis) { g.Token.Presale.Shares[0].BasisPoints++ }, "presale"},
		{"shares too small", func(g *ledger.Genesis) { g.Token.Presale.Shares[0].BasisPoints-- }, "presale"},
		{"shares that wrap around", func(g *ledger.Genesis) {
			g.Token.Presale.Shares = []ledger.PresaleShare{{Purpose: "a", BasisPoints: 1<<32 - 1}, {Purpose: "b", BasisPoints: 10_001}}
		}, "presale"},
		{"no shares", func(g *ledger.Genesis) { g.Token.Presale.Shares = nil }, "presale"},
		{"share for nothing", func(g *ledger.Genesis) { g.Token.Presale.Shares[1].Purpose = "" }, "presale"},
		{"share with a long purpose", func(g *ledger.Genesis) { g.Token.Presale.Shares[1].Purpose = long }, "presale"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := fixtureGenesis()
			if err := g.Validate(); err != nil {
				t.Fatalf("before the change: %v", err)
			}
			tt.change(g)
			wantMalformed(t, g.Validate(), "genesis", tt.where)
			_, _, err := ledger.ParseGenesis(encode(t, g))
			wantMalformed(t, err, "genesis", tt.where)
		})
	}
}

func TestGenesisAccepts(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*ledger.Genesis){
		"one node":      func(g *ledger.Genesis) { g.Group.Nodes = g.Group.Nodes[:1] },
		"no members":    func(g *ledger.Genesis) { g.Members, g.Delegates = nil, nil },
		"a bare member": func(g *ledger.Genesis) { g.Members[1].Roles = nil },
		"no presale":    func(g *ledger.Genesis) { g.Token.Presale = ledger.GenesisPresale{} },
		"no tokens":     func(g *ledger.Genesis) { g.Token = ledger.GenesisToken{Symbol: "LCNC"} },
		"another shard": func(g *ledger.Genesis) { g.Shard = 7 },
		"largest limits": func(g *ledger.Genesis) {
			g.Limits = ledger.Limits{BlockTransactions: 1, BlockBytes: ledger.MaxBlockBytes / 2, MaxTTL: 24 * 3600 * 1000}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := encode(t, changed(fixtureGenesis(), change))
			_, chain, err := ledger.ParseGenesis(b)
			if err != nil {
				t.Fatal(err)
			}
			if chain != ledger.Hash(b) {
				t.Errorf("chain %s is not the digest of the file", chain)
			}
		})
	}
}
