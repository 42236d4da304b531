package founding

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/librum/librum/chain/ledger"
)

// Genesis returns the first state of a network of the parts. Holders are the
// accounts to which the native token's first allocations go, by purpose; of a
// purpose that is not named nobody can move what it has.
func Genesis(name string, at time.Time, parts []*Part, holders map[string]ledger.ID) (*ledger.Genesis, error) {
	parts = slices.SortedFunc(slices.Values(parts), func(a, b *Part) int { return bytes.Compare(a.Organisation[:], b.Organisation[:]) })
	g := &ledger.Genesis{
		Version: ledger.Version, Name: name, Time: at.UnixMilli(), Limits: ledger.DefaultLimits(),
		Group: ledger.Group{Nodes: []ledger.GroupNode{}}, Members: []ledger.GenesisMember{}, Delegates: []ledger.GenesisDelegate{},
	}
	names := map[string]bool{}
	for _, p := range parts {
		if names[p.Name] {
			return nil, fmt.Errorf("make the genesis: two organisations are called %.80q", p.Name)
		}
		names[p.Name] = true
		g.Organisations = append(g.Organisations, ledger.GenesisOrganisation{ID: p.Organisation, Name: p.Name})
		g.Group.Nodes = append(g.Group.Nodes, ledger.GroupNode{
			Node: p.Node.ID, Organisation: p.Organisation, Key: ledger.PublicKey(p.Node.Key),
		})
		for _, m := range p.Members {
			g.Members = append(g.Members, ledger.GenesisMember{
				ID: m.ID, Organisation: p.Organisation, Roles: m.Roles, Key: ledger.PublicKey(m.Key),
			})
		}
	}
	slices.SortFunc(g.Group.Nodes, func(a, b ledger.GroupNode) int { return bytes.Compare(a.Node[:], b.Node[:]) })
	account := func(purpose string) ledger.ID {
		if id, ok := holders[purpose]; ok {
			return id
		}
		d := ledger.Hash([]byte("librum genesis " + name + " " + purpose))
		return ledger.ID(d[:16])
	}
	for purpose := range holders {
		if !slices.ContainsFunc(Purposes(), func(p Purpose) bool { return p.Name == purpose }) {
			return nil, fmt.Errorf("make the genesis: %.80q is no purpose of the native token", purpose)
		}
	}
	token, err := NativeToken(account, nil)
	if err != nil {
		return nil, err
	}
	g.Token = *token
	return g, g.Validate()
}

// ErrMissing: a part is not in a genesis as it was given.
var ErrMissing = errors.New("the genesis does not hold the part")

// Includes tells whether a genesis holds a part, neither less nor other keys than
// it says: no further node speaks in the organisation's name, and none acts for
// its members.
func Includes(g *ledger.Genesis, p *Part) error {
	if !slices.Contains(g.Organisations, ledger.GenesisOrganisation{ID: p.Organisation, Name: p.Name}) {
		return fmt.Errorf("%w: organisation %s, %q", ErrMissing, p.Organisation, p.Name)
	}
	if n, ok := g.Group.Find(p.Node.ID); !ok || n.Organisation != p.Organisation || n.Key != ledger.PublicKey(p.Node.Key) {
		return fmt.Errorf("%w: its node %s with its key", ErrMissing, p.Node.ID)
	}
	for _, n := range g.Group.Nodes {
		if n.Organisation == p.Organisation && n.Node != p.Node.ID {
			return fmt.Errorf("%w alone: node %s is there in the organisation's name", ErrMissing, n.Node)
		}
	}
	theirs := map[ledger.ID]ledger.GenesisMember{}
	for _, m := range g.Members {
		if m.Organisation == p.Organisation {
			theirs[m.ID] = m
		}
	}
	for _, m := range p.Members {
		found, ok := theirs[m.ID]
		if !ok || found.Key != ledger.PublicKey(m.Key) || !slices.Equal(found.Roles, m.Roles) {
			return fmt.Errorf("%w: member %s with its key and roles", ErrMissing, m.ID)
		}
	}
	if len(theirs) != len(p.Members) {
		return fmt.Errorf("%w alone: the organisation has %d members there, its part has %d", ErrMissing, len(theirs), len(p.Members))
	}
	for _, d := range g.Delegates {
		if _, ok := theirs[d.Member]; ok || d.Node == p.Node.ID {
			return fmt.Errorf("%w alone: a key at node %s is to act for member %s", ErrMissing, d.Node, d.Member)
		}
	}
	return nil
}
