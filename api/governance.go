package api

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
)

func (s *server) governanceRoutes() {
	handle(s, huma.Operation{
		OperationID: "get-governance", Method: http.MethodGet, Path: "/v1/governance", Tags: []string{"governance"},
		Summary: "Organisations, group, limits and rules in force",
	}, s.governance)
	handle(s, huma.Operation{
		OperationID: "list-proposals", Method: http.MethodGet, Path: "/v1/proposals", Tags: []string{"governance"},
		Summary:     "Proposals, by id",
		Description: "Officers propose, approve and withdraw with transactions of the contract governance.",
	}, s.proposals)
	handle(s, huma.Operation{
		OperationID: "get-proposal", Method: http.MethodGet, Path: "/v1/proposals/{id}", Tags: []string{"governance"},
		Summary: "A proposal",
	}, s.proposal)
	handle(s, huma.Operation{
		OperationID: "get-key", Method: http.MethodGet, Path: "/v1/keys/{id}", Tags: []string{"governance"},
		Summary: "Whose a key is, or was",
	}, s.key)
}

// maxCAs bounds the list of CAs; quorums of organisations made each of them.
const maxCAs = 1_000

func (s *server) governance(context.Context, *struct{}) (*body[v1.Governance], error) {
	out := v1.Governance{Height: s.Node.Status().Height + 1, Suspended: []ledger.ID{}, CAs: []v1.CA{}}
	err := s.Node.View(func(state contract.Range, logTime int64) error {
		out.LogTime = logTime
		organisations, err := governance.Organisations(state)
		if err != nil {
			return err
		}
		out.Quorum = ledger.Quorum(len(organisations))
		out.Organisations = make([]v1.Organisation, len(organisations))
		for i, id := range organisations {
			row, _, err := contract.LoadFrom[governance.Organisation](state, governance.OrganisationRow(id))
			if err != nil || row == nil {
				return fmt.Errorf("read organisation %s: %w", id, err)
			}
			out.Organisations[i] = v1.Organisation{ID: id, Name: row.Name}
		}
		group, err := governance.Group(state)
		if err != nil {
			return err
		}
		shown, err := showGroup(group, 0)
		if err != nil {
			return err
		}
		out.Epoch, out.Nodes = group.Epoch, shown.Nodes
		suspensions, err := governance.Suspensions(state)
		for _, one := range suspensions {
			out.Suspended = append(out.Suspended, one.Node)
		}
		if err != nil {
			return err
		}
		return showSettings(state, &out)
	})
	return &body[v1.Governance]{Body: out}, err
}

func showSettings(state contract.Range, out *v1.Governance) error {
	limits, err := governance.Limits(state)
	if err != nil {
		return err
	}
	out.Limits = v1.Limits{BlockTransactions: limits.BlockTransactions, BlockBytes: limits.BlockBytes, MaxTTL: limits.MaxTTL}
	if out.Protocol, err = governance.Protocol(state); err != nil {
		return err
	}
	rows, err := state.Scan(governance.CAPrefix, "", maxCAs)
	if err != nil {
		return err
	}
	for _, r := range rows {
		var ca governance.CA
		if err := ledger.Decode("CA", r.Value, contract.MaxWriteBytes, &ca); err != nil {
			return err
		}
		out.CAs = append(out.CAs, v1.CA{
			Certificate: ledger.Digest([]byte(r.Key[len(governance.CAPrefix):])), Organisation: ca.Organisation, Key: ca.Key[:],
			From: ca.From, Until: ca.Until, Removed: ca.Removed,
		})
	}
	return nil
}

type proposalsInput struct {
	Page

	State string `query:"state" enum:"open,passed,active,failed,withdrawn,expired" doc:"Only those that stand there."`
}

func (s *server) proposals(_ context.Context, in *proposalsInput) (*body[v1.Proposals], error) {
	after := contract.Key("")
	if in.Cursor != "" {
		id, err := hex.DecodeString(in.Cursor)
		if err != nil || len(id) != len(ledger.Digest{}) {
			return nil, invalidCursor()
		}
		after = governance.ProposalPrefix + contract.Key(id)
	}
	out := v1.Proposals{Proposals: []v1.Proposal{}}
	height := s.Node.Status().Height + 1
	err := s.Node.View(func(state contract.Range, logTime int64) error {
		rows, more, err := scan(state, string(governance.ProposalPrefix), after, in.Limit)
		if err != nil {
			return err
		}
		for _, r := range rows {
			id := ledger.Digest([]byte(r.Key[len(governance.ProposalPrefix):]))
			p, err := s.showProposal(state, id, logTime, height)
			if err != nil {
				return err
			}
			if in.State == "" || in.State == p.State {
				out.Proposals = append(out.Proposals, *p)
			}
			if more {
				out.NextCursor = id.String()
			}
		}
		return nil
	})
	return &body[v1.Proposals]{Body: out}, err
}

type proposalPath struct {
	ID ledger.Digest `path:"id" doc:"Id of the transaction that proposed it."`
}

func (s *server) proposal(_ context.Context, in *proposalPath) (*body[v1.Proposal], error) {
	var out *v1.Proposal
	height := s.Node.Status().Height + 1
	err := s.Node.View(func(state contract.Range, logTime int64) (err error) {
		out, err = s.showProposal(state, in.ID, logTime, height)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &body[v1.Proposal]{Body: *out}, nil
}

func (s *server) showProposal(state contract.State, id ledger.Digest, logTime int64, height uint64) (*v1.Proposal, error) {
	p, ok, err := governance.LoadProposal(state, id)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fail("not_found", fmt.Sprintf("no proposal %s", id))
	}
	action, err := governance.ParseAction(p.Action)
	if err != nil {
		return nil, err
	}
	standing, err := governance.Organisations(state)
	if err != nil {
		return nil, err
	}
	out := &v1.Proposal{
		ID: id, State: string(p.StateAt(logTime, height)), Kind: action.Name(), Action: toJSON(s.decoder, p.Action),
		Height: p.Height, Organisation: p.Organisation, Created: p.Created, Expiry: p.Expiry, Decided: p.Decided, Failure: p.Failure,
		Approvals: make([]v1.Approval, len(p.Approvals)), Quorum: ledger.Quorum(len(standing)),
	}
	for i, a := range p.Approvals {
		counts, err := governance.Stands(state, a.Organisation)
		if err != nil {
			return nil, err
		}
		out.Approvals[i] = v1.Approval{Organisation: a.Organisation, Officer: a.Officer, Time: a.Time, Counts: counts}
	}
	return out, nil
}

type keyPath struct {
	ID ledger.Digest `path:"id" doc:"SHA-256 of the public key."`
}

func (s *server) key(_ context.Context, in *keyPath) (*body[v1.KeyOwner], error) {
	owner, ok, err := contract.LoadFrom[identity.KeyOwner](s.Node, identity.KeyRow(in.ID))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fail("not_found", fmt.Sprintf("key %s is and was nobody's", in.ID))
	}
	return &body[v1.KeyOwner]{Body: v1.KeyOwner{Member: owner.Member, Delegated: owner.Delegate}}, nil
}
