package token_test

import (
	"errors"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/asset"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

var (
	carol   = ledger.ID{3} // holds nothing at first
	mallory = ledger.ID{4} // holds nothing and no role
	coin    = asset.ID(alice, []byte("coin"))
)

const logTime = 1_000

// world is a state with four members and a token of alice's, of which she has
// 100; each has 100 of the native one.
type world struct {
	rapid.TB

	rows aplostest.Rows
	set  *contract.Set
}

func newWorld(tb rapid.TB, limit uint64) *world {
	tb.Helper()
	w := &world{TB: tb, rows: aplostest.Rows{}, set: contract.NewSet(token.New())}
	w.put(token.InfoRow, &token.Info{Symbol: "LCNC", Supply: ledger.NewAmount(400)})
	for _, m := range []ledger.ID{alice, bob, carol, mallory} {
		w.status(m, identity.StatusActive)
		w.put(token.BalanceRow(m), ledger.NewAmount(100))
	}
	w.must(alice, token.MethodCreate, &token.Create{
		Key: []byte("coin"), Name: "A coin", Symbol: "COIN", Decimals: 2, Supply: ledger.NewAmount(100), Cap: ledger.NewAmount(limit),
	})
	return w
}

func (w *world) put(row contract.Key, v any) {
	w.Helper()
	b, err := ledger.Encode(v)
	if err != nil {
		w.Fatal(err)
	}
	w.rows[row] = b
}

// status gives a member a standing.
func (w *world) status(id ledger.ID, s identity.Status) {
	w.Helper()
	w.put(members.MemberRow(id), &members.Member{Organisation: ledger.ID{9}, Roles: []string{identity.RoleMember}, Status: s})
}

// run calls a method, applies what it wrote, and returns its code and events. The
// executor, which refuses senders who may not act, is not asked.
func (w *world) run(sender ledger.ID, method string, args any, delegated bool) (ledger.Code, []ledger.Event) {
	w.Helper()
	b, err := ledger.Encode(args)
	if err != nil {
		w.Fatal(err)
	}
	return w.call(sender, method, b, delegated)
}

// runBytes is run with arguments that may be anything, and must touch no row
// beyond its footprint.
func (w *world) runBytes(sender ledger.ID, method string, args []byte) {
	w.Helper()
	if code, _ := w.call(sender, method, args, false); code == contract.CodeOutsideFootprint {
		w.Fatalf("%s %x: %s", method, args, code)
	}
}

func (w *world) call(sender ledger.ID, method string, b []byte, delegated bool) (ledger.Code, []ledger.Event) {
	w.Helper()
	action, err := w.set.Bind(contract.Call{Sender: sender, Contract: token.Name, Method: method, Args: b, LogTime: logTime})
	var env *contract.Env
	if err == nil {
		env = contract.NewEnv(w.rows, action.Footprint, logTime)
		env.SetDelegated(delegated)
		err = action.Run(env)
	}
	if err != nil {
		refused, ok := errors.AsType[*contract.Error](err)
		if !ok {
			w.Fatalf("%s: %v", method, err)
		}
		return refused.Code, nil
	}
	w.rows.Apply(env.Writes())
	return ledger.CodeOK, env.Events()
}

func (w *world) must(sender ledger.ID, method string, args any) {
	w.Helper()
	if code, _ := w.run(sender, method, args, false); code != ledger.CodeOK {
		w.Fatalf("%s: %s", method, code)
	}
}

func (w *world) balance(id ledger.Digest, account ledger.ID) string {
	w.Helper()
	a, err := token.BalanceOf(w.rows, id, account)
	if err != nil {
		w.Fatal(err)
	}
	return a.String()
}

// conserved fails unless the balances of each token add up to its supply.
func (w *world) conserved(ids ...ledger.Digest) {
	w.Helper()
	for _, id := range ids {
		rows, err := w.rows.Scan(token.HoldingPrefix(id), "", 1_000)
		if err != nil {
			w.Fatal(err)
		}
		var sum ledger.Amount
		for _, r := range rows {
			var a ledger.Amount
			if err := ledger.Decode("balance", r.Value, 100, &a); err != nil {
				w.Fatal(err)
			}
			var ok bool
			if sum, ok = sum.Plus(a); !ok {
				w.Fatalf("the balances of %s pass 2^256", id)
			}
		}
		if supply, err := token.TotalSupply(w.rows, id); err != nil || supply != sum {
			w.Fatalf("balances of %s add up to %s, its supply is %s, %v", id, sum, supply, err)
		}
	}
}

func of(n uint64) ledger.Amount { return ledger.NewAmount(n) }
