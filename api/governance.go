package api

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/fxamacker/cbor/v2"

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

func (s *server) governance(ctx context.Context, _ *struct{}) (*body[v1.Governance], error) {
	out := v1.Governance{Height: s.Node.Status().Height + 1, Suspended: []ledger.ID{}, CAs: []v1.CA{}}
	err := s.Node.View(ctx, func(state contract.Range, logTime int64) error {
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

func (s *server) proposals(ctx context.Context, in *proposalsInput) (*body[v1.Proposals], error) {
	after := contract.Key("")
	if in.Cursor != "" {
		id, err := hex.DecodeString(in.Cursor)
		if err != nil || len(id) != len(ledger.Digest{}) {
			return nil, invalidCursor()
		}
		after = governance.ProposalPrefix + contract.Key(id)
	}
	// Under the view rows are copied and no more: execution waits meanwhile.
	var (
		rows  []contract.Row
		more  bool
		shown proposalView
	)
	err := s.Node.View(ctx, func(state contract.Range, logTime int64) (err error) {
		if shown, err = s.viewProposals(state, logTime); err == nil {
			rows, more, err = scan(state, string(governance.ProposalPrefix), after, in.Limit)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.charge(callerOf(ctx), len(rows)*costOfProposal)
	out := v1.Proposals{Proposals: []v1.Proposal{}}
	for _, r := range rows {
		id := ledger.Digest([]byte(r.Key[len(governance.ProposalPrefix):]))
		p, err := shown.show(id, r.Value, in.State)
		if err != nil {
			return nil, fmt.Errorf("show proposal %s: %w", id, err)
		}
		if p != nil {
			out.Proposals = append(out.Proposals, *p)
		}
		if more {
			out.NextCursor = id.String()
		}
	}
	return &body[v1.Proposals]{Body: out}, nil
}

type proposalPath struct {
	ID ledger.Digest `path:"id" doc:"Id of the transaction that proposed it."`
}

func (s *server) proposal(ctx context.Context, in *proposalPath) (*body[v1.Proposal], error) {
	var (
		row   []byte
		found bool
		shown proposalView
	)
	err := s.Node.View(ctx, func(state contract.Range, logTime int64) (err error) {
		if shown, err = s.viewProposals(state, logTime); err == nil {
			row, found, err = state.Get(governance.ProposalRow(in.ID))
		}
		return err
	})
	if err == nil && !found {
		err = fail("not_found", fmt.Sprintf("no proposal %s", in.ID))
	}
	if err != nil {
		return nil, err
	}
	out, err := shown.show(in.ID, row, "")
	if err != nil {
		return nil, fmt.Errorf("show proposal %s: %w", in.ID, err)
	}
	return &body[v1.Proposal]{Body: *out}, nil
}

// proposalView is what proposals are shown against: the place in the log at
// which their rows were read.
type proposalView struct {
	decoder  cbor.DecMode
	standing []ledger.ID
	logTime  int64
	height   uint64
}

func (s *server) viewProposals(state contract.State, logTime int64) (proposalView, error) {
	standing, err := governance.Organisations(state)
	return proposalView{decoder: s.decoder, standing: standing, logTime: logTime, height: s.Node.Status().Height + 1}, err
}

// show returns a proposal by its row, or nil where another state is wanted.
func (v *proposalView) show(id ledger.Digest, row []byte, state string) (*v1.Proposal, error) {
	var p governance.Proposal
	if err := ledger.Decode("proposal", row, contract.MaxWriteBytes, &p); err != nil {
		return nil, err
	}
	is := string(p.StateAt(v.logTime, v.height))
	if state != "" && state != is {
		return nil, nil //nolint:nilnil // none is wanted
	}
	action, err := governance.ParseAction(p.Action)
	if err != nil {
		return nil, err
	}
	out := &v1.Proposal{
		ID: id, State: is, Kind: action.Name(), Action: toJSON(v.decoder, p.Action),
		Height: p.Height, Organisation: p.Organisation, Created: p.Created, Expiry: p.Expiry, Decided: p.Decided, Failure: p.Failure,
		Approvals: v.showApprovals(p.Approvals), Withdrawals: v.showApprovals(p.Withdrawals), Quorum: ledger.Quorum(len(v.standing)),
	}
	return out, nil
}

func (v *proposalView) showApprovals(list []governance.Approval) []v1.Approval {
	out := make([]v1.Approval, len(list))
	for i, a := range list {
		counts := !a.Void && slices.Contains(v.standing, a.Organisation)
		out[i] = v1.Approval{Organisation: a.Organisation, Officer: a.Officer, Time: a.Time, Counts: counts}
	}
	return out
}

type keyPath struct {
	ID ledger.Digest `path:"id" doc:"SHA-256 of the public key."`
}

func (s *server) key(ctx context.Context, in *keyPath) (*body[v1.KeyOwner], error) {
	owner, ok, err := contract.LoadFrom[identity.KeyOwner](s.Node.State(ctx), identity.KeyRow(in.ID))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fail("not_found", fmt.Sprintf("key %s is and was nobody's", in.ID))
	}
	return &body[v1.KeyOwner]{Body: v1.KeyOwner{Member: owner.Member, Delegated: owner.Delegate}}, nil
}
