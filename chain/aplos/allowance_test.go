package aplos_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// purse is a chain on which account 0 lets node 0 spend with a delegate key.
type purse struct {
	chain    *aplostest.Chain
	exec     *executor
	delegate *identity.Key
	nonce    uint64
}

func newPurse(tb testing.TB) *purse {
	tb.Helper()
	c := aplostest.New(tb, 1, 2, start, nil)
	return &purse{chain: c, exec: newExecutor(tb, c), delegate: aplostest.DelegateKey(7)}
}

// call executes a call of account 0, signed by the key, alone in a record.
func (p *purse) call(tb testing.TB, by *identity.Key, contractName, method string, args any) ledger.Code {
	tb.Helper()
	p.nonce++
	tx := p.chain.Transaction(0, 1, 0, p.nonce, start+60_000)
	tx.Contract, tx.Method, tx.Args = contractName, method, p.chain.Encode(args)
	binary.BigEndian.PutUint64(tx.Nonce[:], p.nonce)
	record := ledger.Record{Kind: ledger.RecordTransactions, Time: start, Transactions: [][]byte{p.chain.Sign(tx, by)}}
	executed, err := p.exec.Execute(p.nonce-1, p.chain.Record(0, record))
	if err != nil || executed.Skipped != nil {
		tb.Fatalf("record %d: skipped for %q, %v", p.nonce-1, executed.Reason, err)
	}
	return executed.Results[0].Code
}

func (p *purse) spend(tb testing.TB, by *identity.Key, amount uint64) ledger.Code {
	tb.Helper()
	return p.call(tb, by, token.Name, "transfer", &token.Transfer{To: p.chain.Account(1), Amount: ledger.NewAmount(amount)})
}

func (p *purse) allow(tb testing.TB, limit uint64) {
	tb.Helper()
	possession := ledger.Possession{
		Version: ledger.Version, Chain: p.chain.ID, Organisation: p.chain.Genesis.Organisations[0].ID,
		Member: p.chain.Account(0), Key: p.delegate.Public(),
	}
	proof, err := possession.Sign(p.delegate.Sign)
	if err != nil {
		tb.Fatal(err)
	}
	a := &members.AddDelegate{
		Node: aplostest.NodeID(0), Key: p.delegate.Public(), Proof: proof, Methods: []string{"fl.CreateJob"}, Expiry: start + 10_000,
	}
	if limit > 0 {
		a.Methods, a.Spend = append(a.Methods, "token.transfer"), new(ledger.NewAmount(limit))
	}
	if code := p.call(tb, aplostest.AccountKey(0), members.Name, members.MethodAddDelegate, a); code != ledger.CodeOK {
		tb.Fatalf("add the delegate: %s", code)
	}
}

// TestDelegateSpendsNoMoreThanItsLimit compares allowances with sums in Go:
// spends, fresh limits, revocations and the member's own transfers in any order.
func TestDelegateSpendsNoMoreThanItsLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		p := newPurse(t)
		limit, spent, moved, listed := uint64(0), uint64(0), uint64(0), false
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			switch rapid.SampledFrom([]string{"spend", "spend", "own", "allow", "revoke"}).Draw(r, "step") {
			case "spend":
				amount := rapid.Uint64Range(0, 8).Draw(r, "amount")
				want := ledger.CodeOK
				switch {
				case !listed:
					want = contract.CodeUnknownKey
				case limit == 0:
					want = contract.CodeNotPermitted
				case spent+amount > limit:
					want = contract.CodeOverLimit
				default:
					spent, moved = spent+amount, moved+amount
				}
				if got := p.spend(t, p.delegate, amount); got != want {
					r.Fatalf("spend %d with %d of %d spent: %s, want %s", amount, spent, limit, got, want)
				}
			case "own":
				amount := rapid.Uint64Range(0, 8).Draw(r, "amount")
				moved += amount
				if got := p.spend(t, aplostest.AccountKey(0), amount); got != ledger.CodeOK {
					r.Fatalf("the member's own transfer: %s", got)
				}
			case "allow":
				limit, spent, listed = rapid.Uint64Range(0, 20).Draw(r, "limit"), 0, true
				p.allow(t, limit)
			case "revoke":
				if !listed {
					continue
				}
				limit, listed = 0, false
				args := &members.RevokeDelegate{Key: p.delegate.ID()}
				if got := p.call(t, aplostest.AccountKey(0), members.Name, members.MethodRevokeDelegate, args); got != ledger.CodeOK {
					r.Fatalf("revoke: %s", got)
				}
			}
		}
		balance, err := token.Balance(p.exec, p.chain.Account(0))
		if err != nil || balance != ledger.NewAmount(aplostest.Balance-moved) {
			r.Fatalf("balance %s after moving %d, %v", balance, moved, err)
		}
	})
}

// A delegate key that leaves the rows of its allowance alone would spend
// without end: the footprint names them for every transfer.
func TestTransferNamesItsAllowance(t *testing.T) {
	t.Parallel()
	call := contract.Call{
		Sender: aplostest.Stranger(1), Key: ledger.Digest{1}, Contract: token.Name, Method: "transfer",
		Args: aplostest.New(t, 1, 1, start, nil).Encode(&token.Transfer{To: aplostest.Stranger(2), Amount: ledger.NewAmount(1)}),
	}
	action, err := contract.NewSet(token.New()).Bind(call)
	if err != nil || !slices.Contains(action.Footprint.Writes, contract.AllowanceRow(call.Sender, call.Key)) {
		t.Errorf("footprint %+v, error %v", action.Footprint, err)
	}
}
