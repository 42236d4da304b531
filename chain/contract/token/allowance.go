package token

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/asset"
	"github.com/librum/librum/chain/ledger"
)

// Approve is the arguments of the methods approve, increaseAllowance and
// decreaseAllowance.
type Approve struct {
	Token   *ledger.Digest `cbor:"token,omitempty"` // missing for the native token
	Spender ledger.ID      `cbor:"spender"`
	Amount  ledger.Amount  `cbor:"amount"`
}

func approveFootprint(call contract.Call, a *Approve) (f contract.Footprint, err error) {
	if err := checkAccount("spender", a.Spender); err != nil {
		return f, err
	}
	if a.Token != nil {
		f.Reads = []contract.Key{CreatedRow(*a.Token)}
	}
	f.Writes = []contract.Key{AllowanceRow(idOf(a.Token), call.Sender, a.Spender)}
	return f, checkToken(a.Token)
}

func approve(env *contract.Env, call contract.Call, a *Approve) error {
	return allow(env, call, a, func(ledger.Amount) (ledger.Amount, error) { return a.Amount, nil })
}

// increase and decrease let an owner change an allowance without the race of
// approve, in which a spender uses the old one and the new one. OpenZeppelin has
// them as an extension since its version 5.
func increase(env *contract.Env, call contract.Call, a *Approve) error {
	return allow(env, call, a, func(old ledger.Amount) (ledger.Amount, error) {
		sum, ok := old.Plus(a.Amount)
		if !ok {
			return sum, contract.Errorf(contract.CodeConflict, "the allowance would pass 2^256")
		}
		return sum, nil
	})
}

func decrease(env *contract.Env, call contract.Call, a *Approve) error {
	return allow(env, call, a, func(old ledger.Amount) (ledger.Amount, error) {
		rest, ok := old.Minus(a.Amount)
		if !ok {
			return rest, contract.Errorf(CodeInsufficientAllowance, "spender %s may move %s, less than %s", a.Spender, old, a.Amount)
		}
		return rest, nil
	})
}

func allow(env *contract.Env, call contract.Call, a *Approve, change func(ledger.Amount) (ledger.Amount, error)) error {
	if err := asset.OwnKey(env, call); err != nil {
		return err
	}
	if a.Token != nil {
		if _, err := load(env, *a.Token); err != nil {
			return err
		}
	}
	id := idOf(a.Token)
	old, err := Allowance(env, id, call.Sender, a.Spender)
	if err != nil {
		return err
	}
	now, err := change(old)
	if err != nil {
		return err
	}
	if err := put(env, AllowanceRow(id, call.Sender, a.Spender), now); err != nil {
		return err
	}
	return env.Emit(EventApproval, &Approved{Token: a.Token, Owner: call.Sender, Spender: a.Spender, Amount: now})
}

// spendAllowance counts what a spender moves of an owner's. An allowance of
// [ledger.MaxAmount] is never used up, as in OpenZeppelin's ERC20.
func spendAllowance(env *contract.Env, id ledger.Digest, owner, spender ledger.ID, amount ledger.Amount) error {
	allowed, err := Allowance(env, id, owner, spender)
	if err != nil || allowed == ledger.MaxAmount() {
		return err
	}
	rest, ok := allowed.Minus(amount)
	if !ok {
		return contract.Errorf(CodeInsufficientAllowance, "spender %s may move %s of account %s, this wants %s", spender, allowed, owner, amount)
	}
	if amount.IsZero() {
		return nil
	}
	return put(env, AllowanceRow(id, owner, spender), rest)
}
