package aplos_test

import (
	"encoding/binary"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// TestDelegateKeyEndsWithItsNode: whoever may act no more in its own name signs
// for no member either, though the member took nothing back.
func TestDelegateKeyEndsWithItsNode(t *testing.T) {
	t.Parallel()
	second := ledger.ID{0xc0, 2}
	const member, first, other = 0, 1, 2 // two officers
	for name, end := range map[string]struct {
		action governance.Action
		report bool
	}{
		"suspended":                {report: true},
		"removed":                  {action: governance.Action{RemoveNode: &governance.RemoveNode{Node: aplostest.NodeID(3)}}},
		"its organisation removed": {action: governance.Action{RemoveOrganisation: &governance.RemoveOrganisation{Organisation: second}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := aplostest.New(t, 4, 3, start, func(g *ledger.Genesis) {
				g.Organisations = append(g.Organisations, ledger.GenesisOrganisation{ID: second, Name: "second"})
				g.Group.Nodes[3].Organisation, g.Members[other].Organisation = second, second
				g.Members[first].Roles, g.Members[other].Roles = []string{identity.RoleOfficer}, []string{identity.RoleOfficer}
			})
			e := newExecutor(t, c)
			nonce := uint64(0)
			call := func(sender ledger.ID, by *identity.Key, name, method string, args any) ledger.Result {
				t.Helper()
				nonce++
				tx := c.Transaction(member, other, 0, nonce, start+60_000)
				tx.Sender, tx.Contract, tx.Method, tx.Args = sender, name, method, c.Encode(args)
				binary.BigEndian.PutUint64(tx.Nonce[:], nonce)
				record := ledger.Record{
					Version: ledger.Version, Chain: c.ID, Epoch: e.Group().Epoch, Kind: ledger.RecordTransactions,
					Node: aplostest.NodeID(0), Time: start, Transactions: [][]byte{c.Sign(tx, by)},
				}
				executed, err := e.Execute(nonce-1, c.SignRecord(record, aplostest.NodeKey(0)))
				if err != nil || executed.Skipped != nil {
					t.Fatalf("record %d: skipped for %q, %v", nonce-1, executed.Reason, err)
				}
				return executed.Results[0]
			}
			want := func(code ledger.Code, r ledger.Result) {
				t.Helper()
				if r.Code != code {
					t.Errorf("%s, want %s", r.Code, code)
				}
			}
			spend := func(node int) ledger.Result {
				return call(c.Account(member), aplostest.DelegateKey(node), token.Name, "transfer", &token.Transfer{To: c.Account(other), Amount: ledger.NewAmount(1)})
			}
			for _, node := range []int{2, 3} {
				want(ledger.CodeOK, call(c.Account(member), aplostest.AccountKey(member), members.Name, members.MethodAddDelegate, &members.AddDelegate{
					Node: aplostest.NodeID(node), Key: aplostest.DelegateKey(node).Public(), Methods: []string{"token.transfer"},
					Proof:  c.Possession(c.Genesis.Members[member].Organisation, c.Account(member), aplostest.DelegateKey(node)),
					Expiry: start + 60_000, Spend: new(ledger.NewAmount(10)),
				}))
				want(ledger.CodeOK, spend(node))
			}
			if end.report {
				want(ledger.CodeOK, call(c.Account(member), aplostest.AccountKey(member), governance.Name, governance.MethodReportEquivocation, equivocation(t, c, 3)))
			} else {
				p := call(c.Account(first), aplostest.AccountKey(first), governance.Name, governance.MethodPropose,
					&governance.Propose{Action: end.action, Height: 2, Expiry: start + 60_000})
				want(ledger.CodeOK, p)
				want(ledger.CodeOK, call(c.Account(other), aplostest.AccountKey(other), governance.Name, governance.MethodApprove, &governance.Approve{Proposal: p.ID}))
				want(ledger.CodeOK, spend(3))
				if _, err := e.Seal(); err != nil {
					t.Fatal(err)
				}
			}
			want(members.CodeNotActive, spend(3))
			want(ledger.CodeOK, spend(2))
		})
	}
}

// equivocation returns the report of two headers that a node signed.
func equivocation(t *testing.T, c *aplostest.Chain, node int) *governance.ReportEquivocation {
	t.Helper()
	args := governance.ReportEquivocation{Node: aplostest.NodeID(node), Height: 1}
	for i, side := range []struct {
		header    *[]byte
		signature *[ledger.SignatureSize]byte
	}{{&args.HeaderA, &args.SignatureA}, {&args.HeaderB, &args.SignatureB}} {
		h := ledger.Header{Version: ledger.Version, Chain: c.ID, Height: 1, LogTime: int64(i)}
		b, err := h.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		key := aplostest.NodeKey(node)
		*side.header, *side.signature = b, ledger.SignHeader(1, b, args.Node, key.ID(), key.Sign).Signature
	}
	return &args
}
