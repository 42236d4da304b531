package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/localnet"
)

// officer signs a call of the contract governance as organisation i's officer.
func (f *fixture) officer(t *testing.T, i int, method string, args any) []byte {
	t.Helper()
	b, err := ledger.Encode(args)
	if err != nil {
		t.Fatal(err)
	}
	return f.sign(t, &ledger.Transaction{
		Version: ledger.Version, Chain: f.Chain, Sender: f.secrets.ID(localnet.KindOfficer, i), Contract: governance.Name, Method: method,
		Args: b, Nonce: nonce(), Expiry: time.Now().Add(time.Minute).UnixMilli(),
	}, localnet.KindOfficer, i)
}

// TestGovernanceOverHTTP proposes, approves and looks, and follows the group
// over a change by the trail that the server gives.
func TestGovernanceOverHTTP(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	ctx := t.Context()
	g, err := f.client.Governance(ctx)
	if err != nil || g.Quorum != 3 || len(g.Organisations) != 4 || len(g.Nodes) != 4 || g.Protocol != 1 || g.Limits.MaxTTL != 600_000 {
		t.Fatalf("governance %+v, error %v", g, err)
	}
	gone := f.secrets.ID(localnet.KindNode, 3)
	propose := &governance.Propose{
		Action: governance.Action{RemoveNode: &governance.RemoveNode{Node: gone}}, Height: g.Height + 2, Expiry: g.LogTime + 3_600_000,
	}
	tx, err := f.client.Submit(ctx, f.officer(t, 0, governance.MethodPropose, propose), client.Executed)
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.client.Proposal(ctx, tx.ID)
	if err != nil || p.State != "open" || p.Kind != "remove_node" || len(p.Approvals) != 1 || !p.Approvals[0].Counts || p.Quorum != 3 {
		t.Errorf("proposal %+v, error %v", p, err)
	}
	var action struct {
		RemoveNode struct{ Node ledger.ID } `json:"remove_node"`
	}
	if err := json.Unmarshal(p.Action, &action); err != nil || action.RemoveNode.Node != gone {
		t.Errorf("action %s, %v", p.Action, err)
	}
	for i := 1; i <= 2; i++ {
		if _, err := f.client.Submit(ctx, f.officer(t, i, governance.MethodApprove, &governance.Approve{Proposal: tx.ID}), client.Executed); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.client.Submit(ctx, f.officer(t, 3, governance.MethodApprove, &governance.Approve{Proposal: tx.ID}), client.Executed); !client.IsCode(err, "conflict") {
		t.Errorf("one more approval: %v", err)
	}
	for range 10 { // blocks come with transactions
		if p, err = f.client.Proposal(ctx, tx.ID); err != nil || p.State == "active" {
			break
		}
		if _, err := f.client.Submit(ctx, f.transfer(t, 1), client.Final); err != nil {
			t.Fatal(err)
		}
	}
	if err != nil || p.State != "active" || p.Decided == 0 {
		t.Fatalf("proposal %+v, error %v", p, err)
	}
	checkTrail(t, f, propose.Height, gone)

	for state, want := range map[string]int{"": 1, "active": 1, "open": 0} {
		list, err := f.client.Proposals(ctx, state, client.Page{Limit: 1})
		if err != nil || len(list.Proposals) != want || list.NextCursor != "" {
			t.Errorf("proposals that are %q: %+v, error %v", state, list, err)
		}
	}
	owner, err := f.client.KeyOwner(ctx, f.secrets.Key(localnet.KindOfficer, 2).ID())
	if err != nil || owner.Member != f.secrets.ID(localnet.KindOfficer, 2) || owner.Delegated {
		t.Errorf("owner %+v, error %v", owner, err)
	}
	if _, err := f.client.KeyOwner(ctx, ledger.Digest{1}); !client.IsCode(err, "not_found") {
		t.Errorf("nobody's key: %v", err)
	}
	if _, err := f.client.Proposal(ctx, ledger.Digest{1}); !client.IsCode(err, "not_found") {
		t.Errorf("no proposal: %v", err)
	}
	for _, path := range []string{"/v1/proposals?cursor=zz", "/v1/proposals?cursor=00", "/v1/proposals?state=none", "/v1/groups?from=-1", "/v1/proposals/xyz"} {
		status, header, body := f.ask(t, http.MethodGet, path, "", nil)
		if status != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d, %s", path, status, body)
		}
		problem(t, status, header, body)
	}
}

// checkTrail wants one handover, and the proofs of both epochs to hold from the
// genesis.
func checkTrail(t *testing.T, f *fixture, first uint64, gone ledger.ID) {
	t.Helper()
	if _, err := f.client.Submit(t.Context(), f.transfer(t, 1), client.Final); err != nil {
		t.Fatal(err)
	}
	g, err := f.client.Groups(t.Context(), 0)
	if err != nil || g.Epoch != 1 || len(g.Next) != 1 || g.Next[0].First != first || len(g.Next[0].Nodes) != 3 ||
		slices.ContainsFunc(g.Next[0].Nodes, func(n v1.GroupNode) bool { return n.Node == gone }) {
		t.Fatalf("groups %+v, error %v", g, err)
	}
	trail, err := ledger.ParseGroupTrail(g.Trail)
	if err != nil {
		t.Fatal(err)
	}
	groups := ledger.NewGroups(f.Chain, 0, f.Genesis.Group)
	if err := groups.Follow(&trail, f.Nodes[0].Config().Verify); err != nil {
		t.Fatal(err)
	}
	if digest, err := groups.Newest().Digest(); err != nil || digest != g.Next[0].Digest {
		t.Errorf("the group has digest %s, %v, shown is %s", digest, err, g.Next[0].Digest)
	}
	status, err := f.client.Status(t.Context())
	if err != nil || status.Epoch != 1 || !status.Signs {
		t.Errorf("status %+v, error %v", status, err)
	}
}
