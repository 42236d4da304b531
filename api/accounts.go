package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
)

func (s *server) accountRoutes() {
	handle(s, huma.Operation{
		OperationID: "get-account", Method: http.MethodGet, Path: "/v1/accounts/{id}", Tags: []string{"accounts"},
		Summary: "Balance and standing of an account",
	}, s.account)
}

type accountPath struct {
	ID ledger.ID `path:"id" doc:"Id of the member or account."`
}

func (s *server) account(ctx context.Context, in *accountPath) (*body[v1.Account], error) {
	out := v1.Account{ID: in.ID, Symbol: s.genesis.Token.Symbol, Decimals: s.genesis.Token.Decimals}
	err := s.Node.View(ctx, func(state contract.Range, _ int64) error {
		balance, held, err := contract.LoadFrom[ledger.Amount](state, token.BalanceRow(in.ID))
		if err != nil {
			return err
		}
		member, enrolled, err := contract.LoadFrom[identity.Member](state, identity.MemberRow(in.ID))
		if err != nil {
			return err
		}
		if err := s.seesAccount(ctx, in.ID, member); err != nil {
			return err
		}
		if !held && !enrolled {
			return fail("not_found", fmt.Sprintf("no account %s", in.ID))
		}
		if held {
			out.Balance = *balance
		}
		if enrolled {
			out.Member = showMember(member)
		}
		return nil
	})
	return &body[v1.Account]{Body: out}, err
}

func showMember(m *identity.Member) *v1.Member {
	out := &v1.Member{Organisation: m.Organisation, Roles: m.Roles, Status: string(m.Status), Expiry: m.Expiry, Keys: make([]v1.MemberKey, len(m.Keys))}
	for i, k := range m.Keys {
		out.Keys[i] = v1.MemberKey{ID: k.Key.ID(), Key: k.Key[:], From: k.From, Until: k.Until}
	}
	return out
}
