package token_test

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/contract/asset"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// twin is ERC-20 as its text has it, over big integers and maps: of one created
// token and of the native one, by the flag native.
type twin struct {
	balances   map[bool]map[ledger.ID]*big.Int
	allowances map[bool]map[[2]ledger.ID]*big.Int
	supply     *big.Int // of the created one
	paused     bool
	frozen     map[ledger.ID]bool
}

func newTwin() *twin {
	t := &twin{
		balances:   map[bool]map[ledger.ID]*big.Int{true: {}, false: {}},
		allowances: map[bool]map[[2]ledger.ID]*big.Int{true: {}, false: {}},
		supply:     big.NewInt(100), frozen: map[ledger.ID]bool{},
	}
	for _, m := range []ledger.ID{alice, bob, carol, mallory} {
		t.balances[true][m], t.balances[false][m] = big.NewInt(100), new(big.Int)
	}
	t.balances[false][alice] = big.NewInt(100)
	return t
}

var largest = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))

func (t *twin) allowance(native bool, owner, spender ledger.ID) *big.Int {
	if a := t.allowances[native][[2]ledger.ID{owner, spender}]; a != nil {
		return a
	}
	return new(big.Int)
}

func (t *twin) setAllowance(native bool, owner, spender ledger.ID, to *big.Int) bool {
	if to.Sign() < 0 || to.Cmp(largest) > 0 {
		return false
	}
	t.allowances[native][[2]ledger.ID{owner, spender}] = to
	return true
}

// move returns false, and changes nothing, where the standard reverts.
func (t *twin) move(native bool, from, to ledger.ID, n *big.Int) bool {
	if !native && (t.paused || t.frozen[to]) || t.balances[native][from].Cmp(n) < 0 {
		return false
	}
	t.balances[native][from] = new(big.Int).Sub(t.balances[native][from], n)
	t.balances[native][to] = new(big.Int).Add(t.balances[native][to], n)
	return true
}

func (t *twin) spend(native bool, owner, spender ledger.ID, n *big.Int, then func() bool) bool {
	allowed := t.allowance(native, owner, spender)
	if t.frozen[owner] || allowed.Cmp(n) < 0 || !then() {
		return false
	}
	if allowed.Cmp(largest) != 0 {
		t.allowances[native][[2]ledger.ID{owner, spender}] = new(big.Int).Sub(allowed, n)
	}
	return true
}

func (t *twin) issue(to ledger.ID, n *big.Int) bool {
	sum := new(big.Int).Add(t.supply, n)
	if t.paused || t.frozen[to] || sum.Cmp(largest) > 0 {
		return false
	}
	t.supply = sum
	t.balances[false][to] = new(big.Int).Add(t.balances[false][to], n)
	return true
}

func (t *twin) burn(from ledger.ID, n *big.Int) bool {
	if t.paused || t.balances[false][from].Cmp(n) < 0 {
		return false
	}
	t.balances[false][from] = new(big.Int).Sub(t.balances[false][from], n)
	t.supply = new(big.Int).Sub(t.supply, n)
	return true
}

// callsLikeTheTwin draws calls and compares contract and twin after each: outcome,
// balances, allowances, supply. Members who are frozen don't call, since the
// executor refuses them before any contract is asked.
func callsLikeTheTwin(r *rapid.T, w *world) {
	model := newTwin()
	people := []ledger.ID{alice, bob, carol, mallory}
	amounts := rapid.OneOf(rapid.Uint64Range(0, 120), rapid.Just(uint64(0)))
	for range rapid.IntRange(1, 25).Draw(r, "calls") {
		by, from, to := rapid.SampledFrom(people).Draw(r, "by"), rapid.SampledFrom(people).Draw(r, "from"), rapid.SampledFrom(people).Draw(r, "to")
		amount := of(amounts.Draw(r, "amount"))
		if rapid.IntRange(0, 9).Draw(r, "huge") == 0 {
			amount = ledger.MaxAmount()
		}
		native := rapid.Bool().Draw(r, "native")
		about := &coin
		if native {
			about = nil
		}
		n, ok := new(big.Int).SetString(amount.String(), 10)
		if !ok {
			r.Fatal("amount")
		}
		if model.frozen[by] {
			model.frozen[by] = false
			w.status(by, identity.StatusActive)
		}
		var method string
		var args any
		var want bool
		switch rapid.IntRange(0, 9).Draw(r, "method") {
		case 0, 1:
			method, args = token.MethodTransfer, &token.Transfer{Token: about, To: to, Amount: amount}
			want = model.move(native, by, to, n)
		case 2, 3:
			method, args = token.MethodTransferFrom, &token.TransferFrom{Token: about, From: from, To: to, Amount: amount}
			want = model.spend(native, from, by, n, func() bool { return model.move(native, from, to, n) })
		case 4:
			method, args = token.MethodApprove, &token.Approve{Token: about, Spender: to, Amount: amount}
			want = model.setAllowance(native, by, to, n)
		case 5:
			method, args = token.MethodIncreaseAllowance, &token.Approve{Token: about, Spender: to, Amount: amount}
			want = model.setAllowance(native, by, to, new(big.Int).Add(model.allowance(native, by, to), n))
		case 6:
			method, args = token.MethodDecreaseAllowance, &token.Approve{Token: about, Spender: to, Amount: amount}
			want = model.setAllowance(native, by, to, new(big.Int).Sub(model.allowance(native, by, to), n))
		case 7:
			method, args = token.MethodMint, &token.Mint{Token: coin, To: to, Amount: amount}
			want = by == alice && model.issue(to, n)
		case 8:
			if rapid.Bool().Draw(r, "own") {
				method, args = token.MethodBurn, &token.Burn{Token: coin, Amount: amount}
				want = by == alice && model.burn(by, n)
			} else {
				method, args = token.MethodBurnFrom, &token.BurnFrom{Token: coin, From: from, Amount: amount}
				want = by == alice && model.spend(false, from, by, n, func() bool { return model.burn(from, n) })
			}
		default:
			if rapid.Bool().Draw(r, "freeze") {
				model.frozen[to] = true
				w.status(to, identity.StatusFrozen)
				continue
			}
			method, args = asset.MethodPause, &asset.Pause{Asset: coin}
			if model.paused {
				method = asset.MethodUnpause
			}
			if want = by == alice; want {
				model.paused = !model.paused
			}
		}
		code, events := w.run(by, method, args, false)
		if (code == ledger.CodeOK) != want || want && len(events) != 1 {
			r.Fatalf("%s %+v by %s: %s with %d events, the twin says %t", method, args, by.Short(), code, len(events), want)
		}
		model.compare(r, w)
	}
}

func (t *twin) compare(r *rapid.T, w *world) {
	for native, id := range map[bool]ledger.Digest{true: {}, false: coin} {
		for account, want := range t.balances[native] {
			if got := w.balance(id, account); got != want.String() {
				r.Fatalf("account %s has %s of %s, the twin %s", account.Short(), got, id.Short(), want)
			}
		}
		for pair, want := range t.allowances[native] {
			if got, err := token.Allowance(w.rows, id, pair[0], pair[1]); err != nil || got.String() != want.String() {
				r.Fatalf("allowance of %s is %s, %v, the twin's %s", id.Short(), got, err, want)
			}
		}
	}
	if got, err := token.TotalSupply(w.rows, coin); err != nil || got.String() != t.supply.String() {
		r.Fatalf("supply %s, %v, the twin's %s", got, err, t.supply)
	}
	w.conserved(coin, ledger.Digest{}) // invariant 1
}

func TestCallsLikeTheTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) { callsLikeTheTwin(r, newWorld(r, 0)) })
}

func FuzzCalls(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(r *rapid.T) { callsLikeTheTwin(r, newWorld(r, 0)) }))
}

// FuzzBind: no bytes make a call of this contract panic, or touch what it did not
// name.
func FuzzBind(f *testing.F) {
	methods := token.New().Methods
	for i := range methods {
		f.Add(byte(i), []byte{0xa0})
	}
	b, err := ledger.Encode(&token.Transfer{Token: &coin, To: bob, Amount: of(1)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(byte(0), b)
	f.Fuzz(func(t *testing.T, method byte, args []byte) {
		w := newWorld(t, 0)
		w.runBytes(alice, methods[int(method)%len(methods)].Name, args)
		w.conserved(coin, ledger.Digest{})
	})
}
