package contract

import "github.com/librum/librum/chain/ledger"

// CodeOverLimit refuses what passes the spending limit of a delegate key.
const CodeOverLimit ledger.Code = "over_limit"

// Allowance is the row that says what a delegate key may spend of its member's
// native token. A delegate key without a row may spend nothing.
type Allowance struct {
	_     struct{} `cbor:",toarray"`
	Limit ledger.Amount
	Spent ledger.Amount // at most Limit
}

// AllowanceRow returns the key of the row of a member's delegate key. The
// contract identity writes it where the key is added; contracts that spend name
// it in their footprint, for [Call.Key].
func AllowanceRow(member ledger.ID, key ledger.Digest) Key {
	return Key("identity/allowance/" + string(member[:]) + string(key[:]))
}

// Spend counts what a call takes from its sender against the limit of the key
// that signed it. A member's own key has none. Contracts call it before they
// move anything.
func Spend(env *Env, call Call, amount ledger.Amount) error {
	if !env.Delegated() || amount.IsZero() {
		return nil
	}
	row := AllowanceRow(call.Sender, call.Key)
	allowance, ok, err := Load[Allowance](env, row)
	if err != nil {
		return err
	}
	if !ok {
		return Errorf(CodeOverLimit, "delegate key %s may spend nothing", call.Key.Short())
	}
	spent, ok := allowance.Spent.Plus(amount)
	if !ok || spent.Cmp(allowance.Limit) > 0 {
		return Errorf(CodeOverLimit, "delegate key %s has spent %s of %s, this wants %s", call.Key.Short(), allowance.Spent, allowance.Limit, amount)
	}
	allowance.Spent = spent
	return Store(env, row, allowance)
}
