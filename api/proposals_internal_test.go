package api

import (
	"encoding/json"
	"testing"

	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
)

// TestProposalView shows a proposal against who stands, and none in another
// state than is wanted.
func TestProposalView(t *testing.T) {
	t.Parallel()
	v, row := viewed(t)
	p, err := v.show(ledger.Digest{1}, row, "open")
	if err != nil || p == nil || p.State != "open" || p.Kind != "set_limits" || p.Quorum != 3 || !json.Valid(p.Action) {
		t.Fatalf("%+v, %v", p, err)
	}
	if a := p.Approvals; len(a) != 2 || !a[0].Counts || a[1].Counts {
		t.Errorf("approvals %+v, want the first to count", a)
	}
	if p, err := v.show(ledger.Digest{1}, row, "passed"); p != nil || err != nil {
		t.Errorf("in another state: %+v, %v", p, err)
	}
	if p, err := v.show(ledger.Digest{1}, row[:len(row)-1], ""); err == nil {
		t.Errorf("a row cut short: %+v", p)
	}
}

// viewed is a proposal of four organisations, approved by one of them and by one
// that has left.
func viewed(t testing.TB) (*proposalView, []byte) {
	t.Helper()
	decoder, err := newEventDecoder()
	if err != nil {
		t.Fatal(err)
	}
	action, err := ledger.Encode(&governance.Action{SetLimits: &governance.SetLimits{BlockTransactions: 1, BlockBytes: 1 << 20, MaxTTL: 60_000}})
	if err != nil {
		t.Fatal(err)
	}
	row, err := ledger.Encode(&governance.Proposal{
		Organisation: ledger.ID{1}, Action: action, Height: 9, Expiry: 9, State: governance.StateOpen,
		Approvals: []governance.Approval{{Organisation: ledger.ID{1}, Officer: ledger.ID{11}}, {Organisation: ledger.ID{7}, Officer: ledger.ID{17}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &proposalView{decoder: decoder, standing: []ledger.ID{{1}, {2}, {3}, {4}}, logTime: 8, height: 8}, row
}

// BenchmarkShowProposal is what a listed proposal costs, outside the view that
// execution waits for.
func BenchmarkShowProposal(b *testing.B) {
	v, row := viewed(b)
	for b.Loop() {
		if p, err := v.show(ledger.Digest{1}, row, ""); p == nil || err != nil {
			b.Fatal(err)
		}
	}
}
