package localnet

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fullnode/founding"
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

// nativeToken returns LCNC, with a balance for each account.
func nativeToken(secrets Secrets, accounts int) (*ledger.GenesisToken, error) {
	purposes := founding.Purposes()
	account := func(name string) ledger.ID {
		return secrets.ID(KindPurpose, slices.IndexFunc(purposes, func(p founding.Purpose) bool { return p.Name == name }))
	}
	given := make([]founding.Grant, accounts)
	for i := range given {
		given[i] = founding.Grant{Account: secrets.ID(KindAccount, i), Whole: accountBalance}
	}
	return founding.NativeToken(account, given)
}
