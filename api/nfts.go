package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/asset"
	"github.com/librum/librum/chain/contract/nft"
	"github.com/librum/librum/chain/ledger"
)

func (s *server) nftRoutes() {
	handle(s, huma.Operation{
		OperationID: "list-collections", Method: http.MethodGet, Path: "/v1/nfts", Tags: []string{"nfts"},
		Summary:     "Collections of unique tokens, by id",
		Description: "They are created, minted and moved with transactions of the contract nft.",
	}, s.collections)
	handle(s, huma.Operation{
		OperationID: "get-collection", Method: http.MethodGet, Path: "/v1/nfts/{collection}", Tags: []string{"nfts"},
		Summary: "A collection and how many tokens it has",
	}, s.collection)
	handle(s, huma.Operation{
		OperationID: "list-nfts", Method: http.MethodGet, Path: "/v1/nfts/{collection}/tokens", Tags: []string{"nfts"},
		Summary: "Tokens of a collection, by id",
	}, s.nfts)
	handle(s, huma.Operation{
		OperationID: "get-nft", Method: http.MethodGet, Path: "/v1/nfts/{collection}/tokens/{token_id}", Tags: []string{"nfts"},
		Summary: "A token, its owner and what it stands for",
	}, s.nft)
	handle(s, huma.Operation{
		OperationID: "get-nft-balance", Method: http.MethodGet, Path: "/v1/nfts/{collection}/balances/{account}", Tags: []string{"nfts"},
		Summary: "How many tokens an account has, and its roles",
	}, s.nftBalance)
	handle(s, huma.Operation{
		OperationID: "get-operator", Method: http.MethodGet, Path: "/v1/nfts/{collection}/operators/{owner}/{operator}", Tags: []string{"nfts"},
		Summary: "Whether an account may move all tokens of an owner's",
	}, s.operator)
}

func (s *server) collections(ctx context.Context, in *Page) (*body[v1.Collections], error) {
	after, err := hexCursor(nft.CollectionPrefix, in.Cursor, len(ledger.Digest{}))
	if err != nil {
		return nil, err
	}
	out := v1.Collections{Collections: []v1.Collection{}}
	err = s.Node.View(ctx, func(state contract.Range, _ int64) error {
		rows, more, err := scan(state, string(nft.CollectionPrefix), after, in.Limit)
		if err != nil {
			return err
		}
		for _, r := range rows {
			c, err := showCollection(state, ledger.Digest([]byte(r.Key[len(nft.CollectionPrefix):])))
			if err != nil {
				return err
			}
			out.Collections = append(out.Collections, c)
			if more {
				out.NextCursor = c.ID.String()
			}
		}
		return nil
	})
	s.charge(callerOf(ctx), len(out.Collections)*costOfLook)
	return &body[v1.Collections]{Body: out}, err
}

func showCollection(state contract.State, id ledger.Digest) (v1.Collection, error) {
	row, ok, err := contract.LoadFrom[nft.Collection](state, nft.CollectionRow(id))
	if err == nil && !ok {
		err = fail("not_found", fmt.Sprintf("no collection %s", id))
	}
	if err != nil {
		return v1.Collection{}, err
	}
	out := v1.Collection{ID: id, Name: row.Name, Symbol: row.Symbol, Creator: row.Creator, Created: row.Created}
	out.Paused, err = asset.Control(nft.Name).Paused(state, id)
	return out, err
}

// CollectionPath names a collection.
type CollectionPath struct {
	Collection ledger.Digest `path:"collection" doc:"Id of the collection."`
}

func (s *server) collection(ctx context.Context, in *CollectionPath) (*body[v1.Collection], error) {
	var out v1.Collection
	err := s.Node.View(ctx, func(state contract.Range, _ int64) (err error) {
		if out, err = showCollection(state, in.Collection); err != nil {
			return err
		}
		supply, err := nft.TotalSupply(state, in.Collection)
		out.Supply = &supply
		return err
	})
	s.charge(callerOf(ctx), costOfCollection)
	return &body[v1.Collection]{Body: out}, err
}

type nftsInput struct {
	CollectionPath
	Page

	Owner string `query:"owner" pattern:"^[0-9a-f]{32}$" doc:"Only those of this account."`
}

// nfts lists by the rows of the tokens, or by the index of an owner, whose keys
// end with the id too.
func (s *server) nfts(ctx context.Context, in *nftsInput) (*body[v1.NFTs], error) {
	prefix := nft.TokenPrefix(in.Collection)
	if in.Owner != "" {
		owner, err := ledger.ParseID(in.Owner)
		if err != nil {
			return nil, fail("invalid", "query.owner: "+err.Error())
		}
		if err := callerOf(ctx).only("what account "+in.Owner+" has", owner); err != nil {
			return nil, err
		}
		prefix = nft.OwnedPrefix(owner) + contract.Key(in.Collection[:])
	}
	after, err := hexCursor(prefix, in.Cursor, len(ledger.Digest{}))
	if err != nil {
		return nil, err
	}
	out := v1.NFTs{NFTs: []v1.NFT{}}
	err = s.Node.View(ctx, func(state contract.Range, _ int64) error {
		if _, ok, err := state.Get(nft.CollectionRow(in.Collection)); err != nil || !ok {
			if err == nil {
				err = fail("not_found", fmt.Sprintf("no collection %s", in.Collection))
			}
			return err
		}
		if in.Owner == "" {
			if err := seesRegister(ctx, asset.Control(nft.Name), state, in.Collection); err != nil {
				return err
			}
		}
		rows, more, err := scan(state, string(prefix), after, in.Limit)
		if err != nil {
			return err
		}
		for _, r := range rows {
			tail := r.Key[len(prefix):]
			one, err := showNFT(state, in.Collection, tail)
			if err != nil {
				return err
			}
			out.NFTs = append(out.NFTs, one)
			if more {
				out.NextCursor = fmt.Sprintf("%x", string(tail))
			}
		}
		return nil
	})
	s.charge(callerOf(ctx), len(out.NFTs)*costOfLook)
	return &body[v1.NFTs]{Body: out}, err
}

// showNFT reads a token by the 32 bytes of its id.
func showNFT(state contract.State, collection ledger.Digest, id contract.Key) (v1.NFT, error) {
	number := ledger.AmountOf([32]byte([]byte(id)))
	row, ok, err := contract.LoadFrom[nft.Token](state, nft.TokenPrefix(collection)+id)
	if err == nil && !ok {
		err = fail("not_found", fmt.Sprintf("no token %s in collection %s", number, collection))
	}
	if err != nil {
		return v1.NFT{}, err
	}
	out := v1.NFT{
		Collection: collection, TokenID: number, Owner: row.Owner, Minter: row.Minter, Minted: row.Minted,
		Object: v1.NFTObject{Digest: row.Object.Digest, MediaType: row.Object.MediaType, URI: row.Object.URI},
	}
	if !row.Approved.IsZero() {
		out.Approved = &row.Approved
	}
	return out, nil
}

type nftPath struct {
	CollectionPath

	TokenID string `path:"token_id" pattern:"^(0|[1-9][0-9]{0,77})$" doc:"Decimal, below 2^256."`
}

func (s *server) nft(ctx context.Context, in *nftPath) (*body[v1.NFT], error) {
	id, err := ledger.ParseAmount(in.TokenID)
	if err != nil {
		return nil, fail("invalid", "path.token_id: "+err.Error())
	}
	var out v1.NFT
	err = s.Node.View(ctx, func(state contract.Range, _ int64) (err error) {
		b := id.Bytes32()
		out, err = showNFT(state, in.Collection, contract.Key(b[:]))
		return err
	})
	return &body[v1.NFT]{Body: out}, err
}

type nftBalancePath struct {
	CollectionPath

	Account ledger.ID `path:"account"`
}

func (s *server) nftBalance(ctx context.Context, in *nftBalancePath) (*body[v1.NFTHolding], error) {
	if err := callerOf(ctx).only("the balance of account "+in.Account.String(), in.Account); err != nil {
		return nil, err
	}
	out := v1.NFTHolding{Account: in.Account}
	err := s.Node.View(ctx, func(state contract.Range, _ int64) (err error) {
		if out.Balance, err = nft.BalanceOf(state, in.Collection, in.Account); err != nil {
			return err
		}
		out.Roles, err = asset.Control(nft.Name).Holds(state, in.Collection, in.Account)
		return err
	})
	return &body[v1.NFTHolding]{Body: out}, err
}

type operatorPath struct {
	CollectionPath

	Owner    ledger.ID `path:"owner"`
	Operator ledger.ID `path:"operator"`
}

func (s *server) operator(ctx context.Context, in *operatorPath) (*body[v1.Operator], error) {
	if c := callerOf(ctx); !c.owns(in.Owner) && !c.owns(in.Operator) {
		return nil, notPermitted("member %s is neither owner nor operator", c.Member)
	}
	out := v1.Operator{Owner: in.Owner, Operator: in.Operator}
	err := s.Node.View(ctx, func(state contract.Range, _ int64) (err error) {
		out.Approved, err = nft.IsApprovedForAll(state, in.Collection, in.Owner, in.Operator)
		return err
	})
	return &body[v1.Operator]{Body: out}, err
}
