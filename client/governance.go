package client

import (
	"context"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

// Governance returns organisations, group, limits and rules in force.
func (c *Client) Governance(ctx context.Context) (v1.Governance, error) {
	var out v1.Governance
	return out, c.do(ctx, get("/v1/governance", nil, &out))
}

// Proposals lists proposals by id; an empty state lists all.
func (c *Client) Proposals(ctx context.Context, state string, page Page) (v1.Proposals, error) {
	query := page.query()
	if state != "" {
		query.Set("state", state)
	}
	var out v1.Proposals
	return out, c.do(ctx, get("/v1/proposals", query, &out))
}

// Proposal returns a proposal.
func (c *Client) Proposal(ctx context.Context, id ledger.Digest) (v1.Proposal, error) {
	var out v1.Proposal
	return out, c.do(ctx, get("/v1/proposals/"+id.String(), nil, &out))
}

// KeyOwner returns whose the key with that id is.
func (c *Client) KeyOwner(ctx context.Context, id ledger.Digest) (v1.KeyOwner, error) {
	var out v1.KeyOwner
	return out, c.do(ctx, get("/v1/keys/"+id.String(), nil, &out))
}
