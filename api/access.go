package api

import (
	"fmt"
	"strings"

	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
)

// Scope is how much of what a route gives a role may have.
type Scope string

// The scopes, from least to most.
const (
	ScopeNone Scope = ""
	ScopeOwn  Scope = "own" // what [Access.Own] says
	ScopeAll  Scope = "all"
)

// Access says who may use a route. Roles add up: who has two has the wider
// scope. A route that stands in no row is closed.
type Access struct {
	Operations []string // ids, as in the OpenAPI document
	Own        string   // what is a caller's own
	Member     Scope
	Peer       Scope
	Operator   Scope // of this node's organisation
	Officer    Scope
	Auditor    Scope
}

// operationMetrics names the one route that is not in the OpenAPI document.
const operationMetrics = "metrics"

const operationFollow = "follow-job"

// AccessTable is who may do what at the door. Reads beyond it are refused as
// not_permitted, whoever signed what.
func AccessTable() []Access {
	return []Access{
		{
			Operations: []string{"get-genesis", "get-status", "get-groups", "list-blocks", "get-block", "submit-transactions", "get-governance", "list-proposals", "get-proposal", "get-key", "list-search-fields"},
			Member:     ScopeAll, Peer: ScopeAll, Operator: ScopeAll, Officer: ScopeAll, Auditor: ScopeAll,
		},
		{
			Operations: []string{"get-block-bytes"}, // every transaction of the block
			Auditor:    ScopeAll,
		},
		{
			Operations: []string{"get-transaction", "get-transaction-proof"},
			Own:        "it sent, or about a job that it may see, or of the contract governance",
			Member:     ScopeOwn, Peer: ScopeOwn, Operator: ScopeOwn, Officer: ScopeOwn, Auditor: ScopeAll,
		},
		{
			Operations: []string{"get-account"},
			Own:        "its own; an officer's, also those of its organisation",
			Member:     ScopeOwn, Peer: ScopeOwn, Operator: ScopeOwn, Officer: ScopeOwn, Auditor: ScopeAll,
		},
		{
			Operations: []string{"list-tokens", "get-token", "list-collections", "get-collection", "get-nft"},
			Member:     ScopeAll, Peer: ScopeAll, Operator: ScopeAll, Officer: ScopeAll, Auditor: ScopeAll,
		},
		{
			Operations: []string{"list-balances", "get-balance", "get-allowance", "list-nfts", "get-nft-balance", "get-operator"},
			Own:        "of its own accounts, as owner or as who is approved; lists of all holders, where it is admin of the token or collection",
			Member:     ScopeOwn, Peer: ScopeOwn, Operator: ScopeOwn, Officer: ScopeOwn, Auditor: ScopeAll,
		},
		{
			Operations: []string{"search"},
			Own:        "what it may see by the routes above and below: blocks, governance, its own accounts and transactions, jobs that it created or a round of which asked it",
			Member:     ScopeOwn, Peer: ScopeOwn, Operator: ScopeOwn, Officer: ScopeOwn, Auditor: ScopeAll,
		},
		{
			Operations: []string{"create-job", "cancel-job"},
			Own:        "its own, with a token that signs",
			Member:     ScopeOwn,
		},
		{
			Operations: []string{
				"list-jobs", "get-job", "list-rounds", "list-updates", "list-job-peers", "list-metrics", operationFollow,
				"get-model", "get-card", "get-version-card", "get-provenance", "get-blob",
			},
			Own:    "of jobs that it created, or a round of which asked it",
			Member: ScopeOwn, Peer: ScopeOwn, Auditor: ScopeAll,
		},
		{
			Operations: []string{"list-aggregations", "get-aggregation", "delete-aggregation"},
			Own:        "its own",
			Member:     ScopeOwn, Operator: ScopeAll,
		},
		{
			Operations: []string{
				"create-aggregation", "announce-aggregation-input", "get-aggregation-input", "append-aggregation-input",
				"start-aggregation", "get-aggregation-model", "get-aggregation-memory",
			},
			Own:    "its own",
			Member: ScopeOwn,
		},
		{
			Operations: []string{"list-peers", "get-peer"},
			Own:        "itself",
			Member:     ScopeAll, Peer: ScopeOwn, Operator: ScopeAll, Officer: ScopeAll, Auditor: ScopeAll,
		},
		{
			Operations: []string{"await-task", "create-upload", "get-upload", "append-upload"},
			Own:        "its own",
			Peer:       ScopeOwn,
		},
		{
			Operations: []string{"list-bearer-tokens", "revoke-bearer-token"},
			Own:        "its own",
			Member:     ScopeOwn, Peer: ScopeOwn, Operator: ScopeAll, Officer: ScopeOwn, Auditor: ScopeOwn,
		},
		{
			Operations: []string{operationMetrics},
			Operator:   ScopeAll, Auditor: ScopeAll,
		},
	}
}

// openOperations need no token: their body is signed by the member's own key.
func openOperations() []string { return []string{"create-bearer-token"} }

// accessByOperation spreads the table.
func accessByOperation() map[string]Access {
	all := map[string]Access{}
	for _, row := range AccessTable() {
		for _, operation := range row.Operations {
			all[operation] = row
		}
	}
	return all
}

// column is a role with its scope in a row.
type column struct {
	role  string
	scope Scope
}

func (a *Access) columns() []column {
	return []column{
		{identity.RoleMember, a.Member},
		{identity.RolePeer, a.Peer},
		{identity.RoleOperator, a.Operator},
		{identity.RoleOfficer, a.Officer},
		{identity.RoleAuditor, a.Auditor},
	}
}

// scopeOf returns the widest scope that a member's roles give. An operator is
// one at the nodes of its own organisation alone.
func (a *Access) scopeOf(m *members.Member, atHome bool) Scope {
	widest := ScopeNone
	for _, c := range a.columns() {
		if c.scope == ScopeNone || !m.Has(c.role) || c.role == identity.RoleOperator && !atHome {
			continue
		}
		if widest != ScopeAll {
			widest = c.scope
		}
	}
	return widest
}

// describe says in words who may, for the OpenAPI document and refusals.
func (a *Access) describe() string {
	var parts []string
	for _, c := range a.columns() {
		switch c.scope {
		case ScopeAll:
			parts = append(parts, c.role)
		case ScopeOwn:
			parts = append(parts, c.role+" (own)")
		case ScopeNone:
		}
	}
	text := "For the roles " + strings.Join(parts, ", ") + "."
	if a.Own != "" {
		text += fmt.Sprintf(" Own: %s.", a.Own)
	}
	return text
}
