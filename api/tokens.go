package api

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/asset"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
)

func (s *server) tokenRoutes() {
	handle(s, huma.Operation{
		OperationID: "list-tokens", Method: http.MethodGet, Path: "/v1/tokens", Tags: []string{"tokens"},
		Summary:     "Fungible tokens, the native one first, then by id",
		Description: "Tokens are created, moved and minted with transactions of the contract token.",
	}, s.listTokens)
	handle(s, huma.Operation{
		OperationID: "get-token", Method: http.MethodGet, Path: "/v1/tokens/{id}", Tags: []string{"tokens"},
		Summary: "A token and its supply",
	}, s.getToken)
	handle(s, huma.Operation{
		OperationID: "list-balances", Method: http.MethodGet, Path: "/v1/tokens/{id}/balances", Tags: []string{"tokens"},
		Summary: "The register of holders, by account",
	}, s.listBalances)
	handle(s, huma.Operation{
		OperationID: "get-balance", Method: http.MethodGet, Path: "/v1/tokens/{id}/balances/{account}", Tags: []string{"tokens"},
		Summary: "What an account holds, and its roles",
	}, s.getBalance)
	handle(s, huma.Operation{
		OperationID: "get-allowance", Method: http.MethodGet, Path: "/v1/tokens/{id}/allowances/{owner}/{spender}", Tags: []string{"tokens"},
		Summary: "What a spender may move of an owner's",
	}, s.getAllowance)
}

// hexCursor returns the key behind which a page begins: prefix and the bytes of
// the cursor, which has so many; empty for the first page.
func hexCursor(prefix contract.Key, cursor string, size int) (contract.Key, error) {
	if cursor == "" {
		return "", nil
	}
	b, err := hex.DecodeString(cursor)
	if err != nil || len(b) != size {
		return "", invalidCursor()
	}
	return prefix + contract.Key(b), nil
}

func (s *server) listTokens(ctx context.Context, in *Page) (*body[v1.Tokens], error) {
	out := v1.Tokens{Tokens: []v1.Token{}}
	after, err := hexCursor(token.CreatedPrefix, in.Cursor, len(ledger.Digest{}))
	if err != nil {
		return nil, err
	}
	err = s.Node.View(ctx, func(state contract.Range, _ int64) error {
		limit := in.Limit
		if in.Cursor == "" { // the native one stands on the first page
			native, err := s.showFungible(state, ledger.Digest{})
			if err != nil {
				return err
			}
			out.Tokens = append(out.Tokens, native)
			limit--
		}
		rows, more, err := scan(state, string(token.CreatedPrefix), after, limit)
		if err != nil {
			return err
		}
		last := ledger.Digest{}
		for _, r := range rows {
			last = ledger.Digest([]byte(r.Key[len(token.CreatedPrefix):]))
			t, err := s.showFungible(state, last)
			if err != nil {
				return err
			}
			out.Tokens = append(out.Tokens, t)
		}
		if more {
			out.NextCursor = last.String()
		}
		return nil
	})
	s.charge(callerOf(ctx), len(out.Tokens)*costOfLook)
	return &body[v1.Tokens]{Body: out}, err
}

// showFungible reads a token that must exist, the native one where the id is zero.
func (s *server) showFungible(state contract.State, id ledger.Digest) (v1.Token, error) {
	supply, err := token.TotalSupply(state, id)
	if err != nil {
		return v1.Token{}, err
	}
	if id.IsZero() {
		native := s.genesis.Token
		return v1.Token{Name: native.Symbol, Symbol: native.Symbol, Decimals: native.Decimals, Supply: supply, Native: true}, nil
	}
	row, ok, err := contract.LoadFrom[token.Created](state, token.CreatedRow(id))
	if err == nil && !ok {
		err = fail("not_found", fmt.Sprintf("no token %s", id))
	}
	if err != nil {
		return v1.Token{}, err
	}
	out := v1.Token{ID: id, Name: row.Name, Symbol: row.Symbol, Decimals: row.Decimals, Supply: supply, Creator: &row.Creator, Created: row.Created}
	if !row.Cap.IsZero() {
		out.Cap = &row.Cap
	}
	out.Paused, err = asset.Control(token.Name).Paused(state, id)
	return out, err
}

// TokenPath names a token.
type TokenPath struct {
	ID ledger.Digest `path:"id" doc:"Id of the token; zeros for the native one."`
}

func (s *server) getToken(ctx context.Context, in *TokenPath) (*body[v1.Token], error) {
	var out v1.Token
	err := s.Node.View(ctx, func(state contract.Range, _ int64) (err error) {
		out, err = s.showFungible(state, in.ID)
		return err
	})
	return &body[v1.Token]{Body: out}, err
}

type balancesInput struct {
	TokenPath
	Page
}

func (s *server) listBalances(ctx context.Context, in *balancesInput) (*body[v1.Balances], error) {
	prefix := token.HoldingPrefix(in.ID)
	after, err := hexCursor(prefix, in.Cursor, len(ledger.ID{}))
	if err != nil {
		return nil, err
	}
	var rows []contract.Row
	var more bool
	err = s.Node.View(ctx, func(state contract.Range, _ int64) (err error) {
		if _, err := s.showFungible(state, in.ID); err != nil {
			return err
		}
		if err := seesRegister(ctx, asset.Control(token.Name), state, in.ID); err != nil {
			return err
		}
		rows, more, err = scan(state, string(prefix), after, in.Limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := v1.Balances{Balances: make([]v1.Balance, len(rows))}
	for i, r := range rows {
		b := &out.Balances[i]
		b.Account = ledger.ID([]byte(r.Key[len(prefix):]))
		if err := ledger.Decode("balance", r.Value, contract.MaxWriteBytes, &b.Balance); err != nil {
			return nil, fmt.Errorf("read the balance of account %s: %w", b.Account, err)
		}
		if more {
			out.NextCursor = b.Account.String()
		}
	}
	return &body[v1.Balances]{Body: out}, nil
}

// seesRegister refuses who neither administers an asset nor may see everything.
func seesRegister(ctx context.Context, control asset.Control, state contract.State, id ledger.Digest) error {
	c := callerOf(ctx)
	if c.scope == ScopeAll {
		return nil
	}
	roles, err := control.Holds(state, id, c.Member)
	if err == nil && (len(roles) == 0 || roles[0] != asset.Admin) {
		err = notPermitted("member %s is no admin of %s, whose holders it asks for", c.Member, id)
	}
	return err
}

type balancePath struct {
	TokenPath

	Account ledger.ID `path:"account"`
}

func (s *server) getBalance(ctx context.Context, in *balancePath) (*body[v1.Holding], error) {
	if err := callerOf(ctx).only("the balance of account "+in.Account.String(), in.Account); err != nil {
		return nil, err
	}
	out := v1.Holding{Account: in.Account}
	err := s.Node.View(ctx, func(state contract.Range, _ int64) (err error) {
		if _, err := s.showFungible(state, in.ID); err != nil {
			return err
		}
		if out.Balance, err = token.BalanceOf(state, in.ID, in.Account); err != nil {
			return err
		}
		out.Roles, err = asset.Control(token.Name).Holds(state, in.ID, in.Account)
		return err
	})
	return &body[v1.Holding]{Body: out}, err
}

type allowancePath struct {
	TokenPath

	Owner   ledger.ID `path:"owner"`
	Spender ledger.ID `path:"spender"`
}

func (s *server) getAllowance(ctx context.Context, in *allowancePath) (*body[v1.Allowance], error) {
	if c := callerOf(ctx); !c.owns(in.Owner) && !c.owns(in.Spender) {
		return nil, notPermitted("member %s is neither owner nor spender", c.Member)
	}
	out := v1.Allowance{Owner: in.Owner, Spender: in.Spender}
	err := s.Node.View(ctx, func(state contract.Range, _ int64) (err error) {
		if _, err := s.showFungible(state, in.ID); err != nil {
			return err
		}
		out.Amount, err = token.Allowance(state, in.ID, in.Owner, in.Spender)
		return err
	})
	return &body[v1.Allowance]{Body: out}, err
}
