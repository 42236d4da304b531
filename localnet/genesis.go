package localnet

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// Spec says what network to make.
type Spec struct {
	Nodes    int // one organisation each, with an officer each
	Peers    int // in the process of the nodes
	External int // peers in processes of their own
	Accounts int // members with a balance, for benchmarks
	Time     time.Time
}

// delegateLife is how long the delegate key behind the token holds.
const delegateLife = 365 * 24 * time.Hour

// NewGenesis returns the genesis of a network.
func NewGenesis(secrets Secrets, spec Spec) (*ledger.Genesis, error) {
	if spec.Nodes < 1 || spec.Peers < 0 || spec.External < 0 || spec.Accounts < 0 {
		return nil, fmt.Errorf("make genesis: %d nodes, %d peers, %d external ones, %d accounts, want at least one node and none below zero",
			spec.Nodes, spec.Peers, spec.External, spec.Accounts)
	}
	g := &ledger.Genesis{
		Version: ledger.Version,
		Name:    "librum-local",
		Time:    spec.Time.UnixMilli(),
		Group:   ledger.Group{Nodes: []ledger.GroupNode{}},
		Members: slices.Concat(
			// Whose network it is trains, operates node 0 and may read everything.
			members(secrets, KindMember, 1, spec.Nodes, identity.RoleAuditor, identity.RoleMember, identity.RoleOperator),
			members(secrets, KindPeer, spec.Peers+spec.External, spec.Nodes, identity.RolePeer),
			members(secrets, KindAccount, spec.Accounts, spec.Nodes, identity.RoleMember),
			members(secrets, KindOfficer, spec.Nodes, spec.Nodes, identity.RoleOfficer),
		),
		Delegates: []ledger.GenesisDelegate{{
			Member:  secrets.ID(KindMember, 0),
			Node:    secrets.ID(KindNode, 0),
			Key:     secrets.Key(KindDelegate, 0).Public(),
			Methods: []string{"fl.CancelJob", "fl.CreateJob"},
			Expiry:  spec.Time.Add(delegateLife).UnixMilli(),
		}},
		Limits: ledger.DefaultLimits(),
	}
	for i := range spec.Nodes {
		organisation := secrets.ID(KindOrganisation, i)
		g.Organisations = append(g.Organisations, ledger.GenesisOrganisation{
			ID: organisation, Name: fmt.Sprintf("organisation-%d", i),
		})
		g.Group.Nodes = append(g.Group.Nodes, ledger.GroupNode{
			Node: secrets.ID(KindNode, i), Organisation: organisation, Key: secrets.Key(KindNode, i).Public(),
		})
	}
	slices.SortFunc(g.Group.Nodes, func(a, b ledger.GroupNode) int { return bytes.Compare(a.Node[:], b.Node[:]) })
	token, err := nativeToken(secrets, spec.Accounts)
	if err != nil {
		return nil, err
	}
	g.Token = *token
	return g, g.Validate()
}

// members returns n members of the roles, ascending, spread over the organisations.
func members(secrets Secrets, kind string, n, organisations int, roles ...string) []ledger.GenesisMember {
	all := make([]ledger.GenesisMember, n)
	for i := range all {
		all[i] = ledger.GenesisMember{
			ID:           secrets.ID(kind, i),
			Organisation: secrets.ID(KindOrganisation, i%organisations),
			Roles:        roles,
			Key:          secrets.Key(kind, i).Public(),
		}
	}
	return all
}

// accountBalance is what a benchmark's account starts with, in whole LCNC.
const accountBalance = 1_000

// nativeToken returns LCNC: 35,000,000,000 of 10^18 units, split 12 % to
// development and system, 5 % to marketing and community, 9 % to team and
// consultants, 74 % circulating, of which accounts are given their balance and
// 150,000,000 are set aside for a presale.
func nativeToken(secrets Secrets, accounts int) (*ledger.GenesisToken, error) {
	const total = 35_000_000_000
	given := uint64(accounts) * accountBalance
	t := &ledger.GenesisToken{Symbol: "LCNC", Decimals: 18, Supply: whole(total)}
	for i, part := range []struct {
		purpose string
		percent uint64
	}{
		{"development/system", 12},
		{"marketing/community", 5},
		{"team/consultants", 9},
		{ledger.PurposeCirculating, 74},
	} {
		amount := total / 100 * part.percent
		if part.purpose == ledger.PurposeCirculating {
			if given > amount {
				return nil, fmt.Errorf("make genesis: %d accounts need more than the circulating %d", accounts, amount)
			}
			amount -= given
		}
		t.Allocations = append(t.Allocations, ledger.GenesisAllocation{
			Account: secrets.ID(KindPurpose, i), Purpose: part.purpose, Amount: whole(amount),
		})
	}
	for i := range accounts {
		t.Allocations = append(t.Allocations, ledger.GenesisAllocation{
			Account: secrets.ID(KindAccount, i), Purpose: ledger.PurposeCirculating, Amount: whole(accountBalance),
		})
	}
	t.Presale = ledger.GenesisPresale{
		Amount: whole(150_000_000),
		Splits: "proceeds",
		Shares: []ledger.PresaleShare{
			{Purpose: "team", BasisPoints: 1_500},
			{Purpose: "charity", BasisPoints: 500},
			{Purpose: "marketing/development", BasisPoints: 5_500},
			{Purpose: "reserved", BasisPoints: 2_500},
		},
	}
	return t, nil
}

// whole returns n tokens in units of 10^-18.
func whole(n uint64) ledger.Amount {
	a, _ := ledger.NewAmount(n).Times(1_000_000_000_000_000_000) // below 2^124
	return a
}
