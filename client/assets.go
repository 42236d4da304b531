package client

import (
	"context"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

// FungibleTokens lists the fungible tokens, the native one first.
func (c *Client) FungibleTokens(ctx context.Context, page Page) (v1.Tokens, error) {
	var out v1.Tokens
	return out, c.do(ctx, get("/v1/tokens", page.query(), &out))
}

// FungibleToken returns a token; a zero id is the native one's.
func (c *Client) FungibleToken(ctx context.Context, id ledger.Digest) (v1.Token, error) {
	var out v1.Token
	return out, c.do(ctx, get("/v1/tokens/"+id.String(), nil, &out))
}

// Balances lists the holders of a token, by account.
func (c *Client) Balances(ctx context.Context, id ledger.Digest, page Page) (v1.Balances, error) {
	var out v1.Balances
	return out, c.do(ctx, get("/v1/tokens/"+id.String()+"/balances", page.query(), &out))
}

// Balance returns what an account holds of a token, and its roles there.
func (c *Client) Balance(ctx context.Context, id ledger.Digest, account ledger.ID) (v1.Holding, error) {
	var out v1.Holding
	return out, c.do(ctx, get("/v1/tokens/"+id.String()+"/balances/"+account.String(), nil, &out))
}

// Allowance returns what a spender may move of an owner's.
func (c *Client) Allowance(ctx context.Context, id ledger.Digest, owner, spender ledger.ID) (v1.Allowance, error) {
	var out v1.Allowance
	return out, c.do(ctx, get("/v1/tokens/"+id.String()+"/allowances/"+owner.String()+"/"+spender.String(), nil, &out))
}

// Collections lists the collections of unique tokens, by id.
func (c *Client) Collections(ctx context.Context, page Page) (v1.Collections, error) {
	var out v1.Collections
	return out, c.do(ctx, get("/v1/nfts", page.query(), &out))
}

// Collection returns a collection.
func (c *Client) Collection(ctx context.Context, id ledger.Digest) (v1.Collection, error) {
	var out v1.Collection
	return out, c.do(ctx, get("/v1/nfts/"+id.String(), nil, &out))
}

// NFTs lists the tokens of a collection by id, those of an owner where that is
// not zero.
func (c *Client) NFTs(ctx context.Context, collection ledger.Digest, owner ledger.ID, page Page) (v1.NFTs, error) {
	query := page.query()
	if !owner.IsZero() {
		query.Set("owner", owner.String())
	}
	var out v1.NFTs
	return out, c.do(ctx, get("/v1/nfts/"+collection.String()+"/tokens", query, &out))
}

// NFT returns a unique token.
func (c *Client) NFT(ctx context.Context, collection ledger.Digest, id ledger.Amount) (v1.NFT, error) {
	var out v1.NFT
	return out, c.do(ctx, get("/v1/nfts/"+collection.String()+"/tokens/"+id.String(), nil, &out))
}
