package token_test

import (
	"strings"
	"testing"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/asset"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// The cases below are those of OpenZeppelin's ERC20.behavior.js ("transfer",
// "transfer from", "approve") and of its extensions, with names near to theirs;
// the code is our own. Each table is one function.

// step is a call that must succeed before the one that is looked at.
type step struct {
	by     ledger.ID
	method string
	args   any
}

type erc20Case struct {
	name   string
	before []step
	frozen ledger.ID
	by     ledger.ID
	args   any
	code   ledger.Code
	want   map[ledger.ID]string // balances afterwards
}

func (c *erc20Case) run(t *testing.T, limit uint64, method string) (*world, []ledger.Event) {
	t.Helper()
	w := newWorld(t, limit)
	for _, s := range c.before {
		w.must(s.by, s.method, s.args)
	}
	if !c.frozen.IsZero() {
		w.status(c.frozen, identity.StatusFrozen)
	}
	code, events := w.run(c.by, method, c.args, false)
	if want := map[bool]ledger.Code{true: ledger.CodeOK, false: c.code}[c.code == ""]; code != want {
		t.Errorf("code %s, want %s", code, want)
	}
	for account, want := range c.want {
		if got := w.balance(coin, account); got != want {
			t.Errorf("account %s has %s, want %s", account, got, want)
		}
	}
	w.conserved(coin, ledger.Digest{})
	return w, events
}

// told checks the only event.
func told[T comparable](t *testing.T, events []ledger.Event, kind string, want T, at func(T) any) {
	t.Helper()
	if len(events) != 1 || events[0].Type != kind {
		t.Fatalf("events %v, want one %s", events, kind)
	}
	var got T
	if err := ledger.Decode("event", events[0].Data, 1_000, &got); err != nil || at(got) != at(want) {
		t.Errorf("event %+v, %v, want %+v", got, err, want)
	}
}

func moved(e token.Transferred) any { // pointers differ
	return [4]any{*e.Token, e.From, e.To, e.Amount}
}

func allowed(e token.Approved) any { return [4]any{*e.Token, e.Owner, e.Spender, e.Amount} }

var (
	pausing   = step{alice, asset.MethodPause, &asset.Pause{Asset: coin}}
	unpausing = step{alice, asset.MethodUnpause, &asset.Pause{Asset: coin}}
)

func approving(amount ledger.Amount) step {
	return step{alice, token.MethodApprove, &token.Approve{Token: &coin, Spender: bob, Amount: amount}}
}

func TestTransferOfACreatedToken(t *testing.T) {
	t.Parallel()
	stranger := ledger.ID{77}
	for _, c := range []erc20Case{
		{name: "when the sender transfers part", by: alice, args: &token.Transfer{Token: &coin, To: bob, Amount: of(30)}, want: map[ledger.ID]string{alice: "70", bob: "30"}},
		{name: "when the sender transfers all balance", by: alice, args: &token.Transfer{Token: &coin, To: bob, Amount: of(100)}, want: map[ledger.ID]string{alice: "0", bob: "100"}},
		{name: "when the sender transfers zero tokens", by: mallory, args: &token.Transfer{Token: &coin, To: bob}, want: map[ledger.ID]string{alice: "100", bob: "0"}},
		{name: "to oneself", by: alice, args: &token.Transfer{Token: &coin, To: alice, Amount: of(100)}, want: map[ledger.ID]string{alice: "100"}},
		{name: "when the sender does not have enough balance", by: alice, args: &token.Transfer{Token: &coin, To: bob, Amount: of(101)}, code: token.CodeInsufficientFunds, want: map[ledger.ID]string{alice: "100", bob: "0"}},
		{name: "far more than there is", by: alice, args: &token.Transfer{Token: &coin, To: bob, Amount: ledger.MaxAmount()}, code: token.CodeInsufficientFunds, want: map[ledger.ID]string{alice: "100"}},
		{name: "when the recipient is the zero address", by: alice, args: &token.Transfer{Token: &coin, Amount: of(1)}, code: contract.CodeBadArguments, want: map[ledger.ID]string{alice: "100"}},
		{name: "when the recipient is no member yet", by: alice, args: &token.Transfer{Token: &coin, To: stranger, Amount: of(1)}, want: map[ledger.ID]string{stranger: "1"}},
		{name: "when paused", before: []step{pausing}, by: alice, args: &token.Transfer{Token: &coin, To: bob, Amount: of(1)}, code: asset.CodePaused, want: map[ledger.ID]string{alice: "100"}},
		{name: "when unpaused", before: []step{pausing, unpausing}, by: alice, args: &token.Transfer{Token: &coin, To: bob, Amount: of(1)}, want: map[ledger.ID]string{alice: "99"}},
		{name: "frozen receiver", frozen: bob, by: alice, args: &token.Transfer{Token: &coin, To: bob, Amount: of(1)}, code: members.CodeNotActive, want: map[ledger.ID]string{alice: "100"}},
		{name: "no such token", by: alice, args: &token.Transfer{Token: &ledger.Digest{1}, To: bob}, code: contract.CodeNotFound},
		{name: "a token of zeros", by: alice, args: &token.Transfer{Token: &ledger.Digest{}, To: bob, Amount: of(1)}, code: contract.CodeBadArguments},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, events := c.run(t, 0, token.MethodTransfer)
			if c.code == "" {
				args, ok := c.args.(*token.Transfer)
				if !ok {
					t.Fatal("not a transfer")
				}
				told(t, events, token.EventTransfer, token.Transferred{Token: &coin, From: c.by, To: args.To, Amount: args.Amount}, moved)
			}
		})
	}
}

func TestTransferFrom(t *testing.T) {
	t.Parallel()
	take := func(from, to ledger.ID, n uint64) *token.TransferFrom {
		return &token.TransferFrom{Token: &coin, From: from, To: to, Amount: of(n)}
	}
	fifty := []step{approving(of(50))}
	for _, c := range []struct {
		erc20Case

		left string // of bob's allowance
	}{
		{erc20Case{name: "when the spender has enough allowance", before: fifty, by: bob, args: take(alice, carol, 50), want: map[ledger.ID]string{alice: "50", carol: "50"}}, "0"},
		{erc20Case{name: "part of the allowance", before: fifty, by: bob, args: take(alice, bob, 20), want: map[ledger.ID]string{alice: "80", bob: "20"}}, "30"},
		{erc20Case{name: "when the spender does not have enough allowance", before: fifty, by: bob, args: take(alice, carol, 51), code: token.CodeInsufficientAllowance, want: map[ledger.ID]string{alice: "100"}}, "50"},
		{erc20Case{name: "when the owner does not have enough balance", before: []step{approving(of(500))}, by: bob, args: take(alice, carol, 101), code: token.CodeInsufficientFunds, want: map[ledger.ID]string{alice: "100"}}, "500"},
		{erc20Case{name: "when the spender has unlimited allowance", before: []step{approving(ledger.MaxAmount())}, by: bob, args: take(alice, carol, 60), want: map[ledger.ID]string{carol: "60"}}, ledger.MaxAmount().String()},
		{erc20Case{name: "without any allowance", before: fifty, by: mallory, args: take(alice, mallory, 1), code: token.CodeInsufficientAllowance, want: map[ledger.ID]string{alice: "100"}}, "50"},
		{erc20Case{name: "zero without any allowance", before: fifty, by: mallory, args: take(alice, mallory, 0), want: map[ledger.ID]string{alice: "100"}}, "50"},
		{erc20Case{name: "the owner itself needs one too", before: fifty, by: alice, args: take(alice, carol, 1), code: token.CodeInsufficientAllowance, want: map[ledger.ID]string{alice: "100"}}, "50"},
		{erc20Case{name: "when the recipient is the zero address", before: fifty, by: bob, args: take(alice, ledger.ID{}, 1), code: contract.CodeBadArguments, want: map[ledger.ID]string{alice: "100"}}, "50"},
		{erc20Case{name: "when the owner is the zero address", before: fifty, by: bob, args: take(ledger.ID{}, carol, 0), code: contract.CodeBadArguments}, "50"},
		{erc20Case{name: "when paused", before: []step{approving(of(50)), pausing}, by: bob, args: take(alice, carol, 1), code: asset.CodePaused, want: map[ledger.ID]string{alice: "100"}}, "50"},
		{erc20Case{name: "frozen owner", before: fifty, frozen: alice, by: bob, args: take(alice, carol, 1), code: members.CodeNotActive, want: map[ledger.ID]string{alice: "100"}}, "50"},
		{erc20Case{name: "frozen receiver", before: fifty, frozen: carol, by: bob, args: take(alice, carol, 1), code: members.CodeNotActive, want: map[ledger.ID]string{alice: "100"}}, "50"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, events := c.run(t, 0, token.MethodTransferFrom)
			if got, err := token.Allowance(w.rows, coin, alice, bob); err != nil || got.String() != c.left {
				t.Errorf("allowance %s, %v, want %s", got, err, c.left)
			}
			if c.code == "" {
				args, ok := c.args.(*token.TransferFrom)
				if !ok {
					t.Fatal("not a transferFrom")
				}
				told(t, events, token.EventTransfer, token.Transferred{Token: &coin, From: args.From, To: args.To, Amount: args.Amount}, moved)
			}
		})
	}
}

func TestApprove(t *testing.T) {
	t.Parallel()
	to := func(spender ledger.ID, amount ledger.Amount) *token.Approve {
		return &token.Approve{Token: &coin, Spender: spender, Amount: amount}
	}
	for _, c := range []struct {
		name   string
		before []step
		method string
		args   *token.Approve
		code   ledger.Code
		want   string
	}{
		{"when there was no approved amount before", nil, token.MethodApprove, to(bob, of(7)), "", "7"},
		{"when the spender had an approved amount", []step{approving(of(1))}, token.MethodApprove, to(bob, of(7)), "", "7"},
		{"more than the owner has", nil, token.MethodApprove, to(bob, of(700)), "", "700"},
		{"take it back", []step{approving(of(1))}, token.MethodApprove, to(bob, of(0)), "", "0"},
		{"when the spender is the zero address", nil, token.MethodApprove, to(ledger.ID{}, of(7)), contract.CodeBadArguments, "0"},
		{"a paused token may be approved", []step{pausing}, token.MethodApprove, to(bob, of(7)), "", "7"},
		{"no such token", nil, token.MethodApprove, &token.Approve{Token: &ledger.Digest{1}, Spender: bob, Amount: of(7)}, contract.CodeNotFound, "0"},
		{"increase from nothing", nil, token.MethodIncreaseAllowance, to(bob, of(7)), "", "7"},
		{"increase", []step{approving(of(1))}, token.MethodIncreaseAllowance, to(bob, of(7)), "", "8"},
		{"increase past 2^256", []step{approving(of(1))}, token.MethodIncreaseAllowance, to(bob, ledger.MaxAmount()), contract.CodeConflict, "1"},
		{"decrease", []step{approving(of(8))}, token.MethodDecreaseAllowance, to(bob, of(7)), "", "1"},
		{"decrease to nothing", []step{approving(of(8))}, token.MethodDecreaseAllowance, to(bob, of(8)), "", "0"},
		{"decrease below nothing", []step{approving(of(8))}, token.MethodDecreaseAllowance, to(bob, of(9)), token.CodeInsufficientAllowance, "8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			one := erc20Case{before: c.before, by: alice, args: c.args, code: c.code, want: map[ledger.ID]string{alice: "100"}}
			w, events := one.run(t, 0, c.method)
			got, err := token.Allowance(w.rows, coin, alice, bob)
			if err != nil || got.String() != c.want {
				t.Errorf("allowance %s, %v, want %s", got, err, c.want)
			}
			if c.code == "" {
				told(t, events, token.EventApproval, token.Approved{Token: &coin, Owner: alice, Spender: bob, Amount: got}, allowed)
			}
			if _, row := w.rows[token.AllowanceRow(coin, alice, bob)]; row != (c.want != "0") {
				t.Errorf("an allowance of %s has a row: %t", c.want, row)
			}
		})
	}
}

func TestMint(t *testing.T) {
	t.Parallel()
	make := func(to ledger.ID, amount ledger.Amount) *token.Mint {
		return &token.Mint{Token: coin, To: to, Amount: amount}
	}
	for _, c := range []struct {
		erc20Case

		limit uint64
	}{
		{erc20Case{name: "a minter mints", by: alice, args: make(bob, of(50)), want: map[ledger.ID]string{alice: "100", bob: "50"}}, 0},
		{erc20Case{name: "nothing", by: alice, args: make(bob, of(0)), want: map[ledger.ID]string{bob: "0"}}, 0},
		{erc20Case{name: "up to the cap", by: alice, args: make(bob, of(20)), want: map[ledger.ID]string{bob: "20"}}, 120},
		{erc20Case{name: "beyond the cap", by: alice, args: make(bob, of(21)), code: contract.CodeConflict, want: map[ledger.ID]string{bob: "0"}}, 120},
		{erc20Case{name: "supply past 2^256", by: alice, args: make(bob, ledger.MaxAmount()), code: contract.CodeConflict, want: map[ledger.ID]string{bob: "0"}}, 0},
		{erc20Case{name: "when the recipient is the zero address", by: alice, args: make(ledger.ID{}, of(1)), code: contract.CodeBadArguments}, 0},
		{erc20Case{name: "who is no minter", by: mallory, args: make(mallory, of(1)), code: contract.CodeNotPermitted, want: map[ledger.ID]string{mallory: "0"}}, 0},
		{erc20Case{name: "a new minter", before: []step{{alice, asset.MethodGrantRole, &asset.Role{Asset: coin, Role: asset.Minter, Account: bob}}}, by: bob, args: make(bob, of(1)), want: map[ledger.ID]string{bob: "1"}}, 0},
		{erc20Case{name: "who gave its role up", before: []step{{alice, asset.MethodRenounceRole, &asset.Renounce{Asset: coin, Role: asset.Minter}}}, by: alice, args: make(bob, of(1)), code: contract.CodeNotPermitted}, 0},
		{erc20Case{name: "when paused", before: []step{pausing}, by: alice, args: make(bob, of(1)), code: asset.CodePaused}, 0},
		{erc20Case{name: "frozen receiver", frozen: bob, by: alice, args: make(bob, of(1)), code: members.CodeNotActive}, 0},
		{erc20Case{name: "the native token", by: alice, args: &token.Mint{To: bob, Amount: of(1)}, code: contract.CodeBadArguments}, 0},
		{erc20Case{name: "no such token", by: alice, args: &token.Mint{Token: ledger.Digest{1}, To: bob, Amount: of(1)}, code: contract.CodeNotFound}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, events := c.run(t, c.limit, token.MethodMint)
			if c.code == "" {
				args, ok := c.args.(*token.Mint)
				if !ok {
					t.Fatal("not a mint")
				}
				told(t, events, token.EventTransfer, token.Transferred{Token: &coin, To: args.To, Amount: args.Amount}, moved)
			}
		})
	}
}

func TestBurn(t *testing.T) {
	t.Parallel()
	gift := step{alice, token.MethodTransfer, &token.Transfer{Token: &coin, To: bob, Amount: of(40)}}
	burner := step{alice, asset.MethodGrantRole, &asset.Role{Asset: coin, Role: asset.Burner, Account: bob}}
	for _, c := range []erc20Case{
		{name: "on success", by: alice, args: &token.Burn{Token: coin, Amount: of(30)}, want: map[ledger.ID]string{alice: "70"}},
		{name: "a zero amount", by: alice, args: &token.Burn{Token: coin}, want: map[ledger.ID]string{alice: "100"}},
		{name: "all there is", by: alice, args: &token.Burn{Token: coin, Amount: of(100)}, want: map[ledger.ID]string{alice: "0"}},
		{name: "when the given amount is greater than the balance of the sender", by: alice, args: &token.Burn{Token: coin, Amount: of(101)}, code: token.CodeInsufficientFunds, want: map[ledger.ID]string{alice: "100"}},
		{name: "a holder who is no burner", before: []step{gift}, by: bob, args: &token.Burn{Token: coin, Amount: of(1)}, code: contract.CodeNotPermitted, want: map[ledger.ID]string{bob: "40"}},
		{name: "another burner", before: []step{gift, burner}, by: bob, args: &token.Burn{Token: coin, Amount: of(1)}, want: map[ledger.ID]string{bob: "39"}},
		{name: "when paused", before: []step{pausing}, by: alice, args: &token.Burn{Token: coin, Amount: of(1)}, code: asset.CodePaused},
		{name: "the native token", by: alice, args: &token.Burn{Amount: of(1)}, code: contract.CodeBadArguments},
		{name: "no such token", by: alice, args: &token.Burn{Token: ledger.Digest{1}, Amount: of(1)}, code: contract.CodeNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, events := c.run(t, 0, token.MethodBurn)
			if c.code == "" {
				args, ok := c.args.(*token.Burn)
				if !ok {
					t.Fatal("not a burn")
				}
				told(t, events, token.EventTransfer, token.Transferred{Token: &coin, From: c.by, Amount: args.Amount}, moved)
			}
		})
	}
}

func TestBurnFrom(t *testing.T) {
	t.Parallel()
	burner := step{alice, asset.MethodGrantRole, &asset.Role{Asset: coin, Role: asset.Burner, Account: bob}}
	burn := func(n uint64) *token.BurnFrom { return &token.BurnFrom{Token: coin, From: alice, Amount: of(n)} }
	for _, c := range []erc20Case{
		{name: "on success", before: []step{burner, approving(of(30))}, by: bob, args: burn(30), want: map[ledger.ID]string{alice: "70"}},
		{name: "when the given amount is greater than the allowance", before: []step{burner, approving(of(30))}, by: bob, args: burn(31), code: token.CodeInsufficientAllowance, want: map[ledger.ID]string{alice: "100"}},
		{name: "when the given amount is greater than the balance", before: []step{burner, approving(of(300))}, by: bob, args: burn(101), code: token.CodeInsufficientFunds, want: map[ledger.ID]string{alice: "100"}},
		{name: "a burner without allowance", before: []step{burner}, by: bob, args: burn(1), code: token.CodeInsufficientAllowance},
		{name: "a spender who is no burner", before: []step{approving(of(30))}, by: bob, args: burn(1), code: contract.CodeNotPermitted},
		{name: "frozen owner", before: []step{burner, approving(of(30))}, frozen: alice, by: bob, args: burn(1), code: members.CodeNotActive},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, _ = c.run(t, 0, token.MethodBurnFrom)
		})
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	good := func(change func(*token.Create)) *token.Create {
		a := &token.Create{Key: []byte("k"), Name: "Mill", Symbol: "MILL", Decimals: 18, Supply: of(5)}
		if change != nil {
			change(a)
		}
		return a
	}
	for _, c := range []erc20Case{
		{name: "a token", by: bob, args: good(nil)},
		{name: "twice", before: []step{{bob, token.MethodCreate, good(nil)}}, by: bob, args: good(nil), code: contract.CodeExists},
		{name: "another's key is another token", before: []step{{alice, token.MethodCreate, good(nil)}}, by: bob, args: good(nil)},
		{name: "without a key", by: bob, args: good(func(a *token.Create) { a.Key = nil }), code: contract.CodeBadArguments},
		{name: "with a long key", by: bob, args: good(func(a *token.Create) { a.Key = make([]byte, asset.MaxKeyBytes+1) }), code: contract.CodeBadArguments},
		{name: "without a name", by: bob, args: good(func(a *token.Create) { a.Name = "" }), code: contract.CodeBadArguments},
		{name: "with a long name", by: bob, args: good(func(a *token.Create) { a.Name = strings.Repeat("n", asset.MaxNameBytes+1) }), code: contract.CodeBadArguments},
		{name: "with a name that looks like another", by: bob, args: good(func(a *token.Create) { a.Name = "М ill" }), code: contract.CodeBadArguments},
		{name: "with a space at the end", by: bob, args: good(func(a *token.Create) { a.Name = "Mill " }), code: contract.CodeBadArguments},
		{name: "with a line in the symbol", by: bob, args: good(func(a *token.Create) { a.Symbol = "A\nB" }), code: contract.CodeBadArguments},
		{name: "with the native symbol", by: bob, args: good(func(a *token.Create) { a.Symbol = "lcnc" }), code: contract.CodeExists},
		{name: "with too many decimals", by: bob, args: good(func(a *token.Create) { a.Decimals = 78 }), code: contract.CodeBadArguments},
		{name: "beyond its cap", by: bob, args: good(func(a *token.Create) { a.Cap = of(4) }), code: contract.CodeBadArguments},
		{name: "of nothing", by: bob, args: good(func(a *token.Create) { a.Supply = of(0) })},
		{name: "of all there can be", by: bob, args: good(func(a *token.Create) { a.Supply = ledger.MaxAmount() })},
		{name: "by a frozen member", frozen: bob, by: bob, args: good(nil), code: members.CodeNotActive},
		{name: "by nobody", by: ledger.ID{77}, args: good(nil), code: "unknown_sender"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, _ := c.run(t, 0, token.MethodCreate)
			if c.code != "" {
				return
			}
			args, ok := c.args.(*token.Create)
			if !ok {
				t.Fatal("not a create")
			}
			id := asset.ID(c.by, args.Key)
			row, ok, err := contract.LoadFrom[token.Created](w.rows, token.CreatedRow(id))
			if err != nil || !ok || row.Name != args.Name || row.Symbol != args.Symbol || row.Decimals != args.Decimals || row.Creator != c.by || row.Created != logTime {
				t.Errorf("row %+v, %t, %v", row, ok, err)
			}
			if got := w.balance(id, c.by); got != args.Supply.String() {
				t.Errorf("its creator has %s", got)
			}
			w.conserved(id)
		})
	}
}

// TestDelegateKeys: a delegate key moves native tokens within its limit, and
// nothing else, however its member listed methods.
func TestDelegateKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.put(contract.AllowanceRow(alice, ledger.Digest{}), &contract.Allowance{Limit: of(10)})
	for method, args := range map[string]any{
		token.MethodTransfer: &token.Transfer{Token: &coin, To: bob, Amount: of(1)}, token.MethodTransferFrom: &token.TransferFrom{From: alice, To: bob},
		token.MethodApprove: &token.Approve{Spender: bob, Amount: of(1)}, token.MethodIncreaseAllowance: &token.Approve{Token: &coin, Spender: bob},
		token.MethodDecreaseAllowance: &token.Approve{Spender: bob}, token.MethodCreate: &token.Create{Key: []byte{1}, Name: "N", Symbol: "S"},
		token.MethodMint: &token.Mint{Token: coin, To: bob}, token.MethodBurn: &token.Burn{Token: coin}, token.MethodBurnFrom: &token.BurnFrom{Token: coin, From: alice},
		asset.MethodGrantRole:    &asset.Role{Asset: coin, Role: asset.Minter, Account: bob},
		asset.MethodRevokeRole:   &asset.Role{Asset: coin, Role: asset.Minter, Account: alice},
		asset.MethodRenounceRole: &asset.Renounce{Asset: coin, Role: asset.Minter},
		asset.MethodPause:        &asset.Pause{Asset: coin}, asset.MethodUnpause: &asset.Pause{Asset: coin},
	} {
		if code, _ := w.run(alice, method, args, true); code != contract.CodeNotPermitted {
			t.Errorf("%s by a delegate key: %s", method, code)
		}
	}
	for _, want := range []ledger.Code{ledger.CodeOK, contract.CodeOverLimit} {
		if code, _ := w.run(alice, token.MethodTransfer, &token.Transfer{To: bob, Amount: of(6)}, true); code != want {
			t.Errorf("a native transfer by a delegate key: %s, want %s", code, want)
		}
	}
}

// TestNativeAllowances: the native token has the allowances of the standard. What
// is frozen gives nothing, but may be credited.
func TestNativeAllowances(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.must(alice, token.MethodApprove, &token.Approve{Spender: bob, Amount: of(60)})
	w.must(bob, token.MethodTransferFrom, &token.TransferFrom{From: alice, To: carol, Amount: of(40)})
	if got := [2]string{w.balance(ledger.Digest{}, alice), w.balance(ledger.Digest{}, carol)}; got != [2]string{"60", "140"} {
		t.Errorf("balances %v", got)
	}
	if code, _ := w.run(bob, token.MethodTransferFrom, &token.TransferFrom{From: alice, To: carol, Amount: of(21)}, false); code != token.CodeInsufficientAllowance {
		t.Errorf("more than is left: %s", code)
	}
	w.status(carol, identity.StatusFrozen)
	w.must(bob, token.MethodTransferFrom, &token.TransferFrom{From: alice, To: carol, Amount: of(10)})
	w.must(bob, token.MethodTransfer, &token.Transfer{To: carol, Amount: of(1)})
	w.status(alice, identity.StatusRevoked)
	if code, _ := w.run(bob, token.MethodTransferFrom, &token.TransferFrom{From: alice, To: bob, Amount: of(1)}, false); code != members.CodeNotActive {
		t.Errorf("out of a revoked account: %s", code)
	}
	w.conserved(ledger.Digest{}, coin)
}
