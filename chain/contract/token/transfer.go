package token

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/asset"
	"github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
)

// Transfer is the arguments of the method transfer.
type Transfer struct {
	Token  *ledger.Digest `cbor:"token,omitempty"` // missing for the native token
	To     ledger.ID      `cbor:"to"`
	Amount ledger.Amount  `cbor:"amount"`
}

// TransferFrom is the arguments of the method transferFrom.
type TransferFrom struct {
	Token  *ledger.Digest `cbor:"token,omitempty"`
	From   ledger.ID      `cbor:"from"`
	To     ledger.ID      `cbor:"to"`
	Amount ledger.Amount  `cbor:"amount"`
}

// idOf returns the token that arguments are about, zero for the native one.
func idOf(token *ledger.Digest) ledger.Digest {
	if token == nil {
		return ledger.Digest{}
	}
	return *token
}

func checkToken(token *ledger.Digest) error {
	if token != nil && token.IsZero() {
		return contract.Errorf(contract.CodeBadArguments, "token: zero; leave it out for the native token")
	}
	return nil
}

func checkAccount(what string, account ledger.ID) error {
	if account.IsZero() {
		return contract.Errorf(contract.CodeBadArguments, "%s: the zero account, which is nobody's", what)
	}
	return nil
}

// readsOf returns the rows by which [mayMove] judges a move of a token to
// accounts.
func readsOf(id ledger.Digest, accounts ...ledger.ID) []contract.Key {
	reads := []contract.Key{CreatedRow(id), control.PausedRow(id)}
	for _, a := range accounts {
		reads = append(reads, identity.MemberRow(a))
	}
	return reads
}

// mayMove refuses moves of a created token that does not exist or is paused, and
// those that touch accounts of members who may not act.
func mayMove(env *contract.Env, id ledger.Digest, accounts ...ledger.ID) error {
	if _, err := load(env, id); err != nil {
		return err
	}
	if err := control.Running(env, id); err != nil {
		return err
	}
	for _, a := range accounts {
		if err := identity.MayHold(env, a); err != nil {
			return err
		}
	}
	return nil
}

func transferFootprint(call contract.Call, t *Transfer) (f contract.Footprint, err error) {
	if err := checkAccount("to", t.To); err != nil {
		return f, err
	}
	if t.Token == nil {
		f.Writes = []contract.Key{BalanceRow(call.Sender), BalanceRow(t.To), contract.AllowanceRow(call.Sender, call.Key)}
		return f, nil
	}
	f.Reads = readsOf(*t.Token, t.To)
	f.Writes = []contract.Key{HoldingRow(*t.Token, call.Sender), HoldingRow(*t.Token, t.To)}
	return f, checkToken(t.Token)
}

func transfer(env *contract.Env, call contract.Call, t *Transfer) error {
	if t.Token == nil {
		return Pay(env, call, t.To, t.Amount)
	}
	if err := asset.OwnKey(env, call); err != nil {
		return err
	}
	if err := mayMove(env, *t.Token, t.To); err != nil {
		return err
	}
	return move(env, t.Token, call.Sender, t.To, t.Amount)
}

// Pay moves native tokens of a call's sender, within what the key that signed
// may spend. The footprint must write both balances and
// [contract.AllowanceRow] of the sender's key.
func Pay(env *contract.Env, call contract.Call, to ledger.ID, amount ledger.Amount) error {
	if err := debit(env, ledger.Digest{}, call.Sender, amount); err != nil {
		return err
	}
	if err := contract.Spend(env, call, amount); err != nil {
		return err
	}
	return credit(env, nil, call.Sender, to, amount)
}

// move takes an amount from one account and gives it to another.
func move(env *contract.Env, token *ledger.Digest, from, to ledger.ID, amount ledger.Amount) error {
	if err := debit(env, idOf(token), from, amount); err != nil {
		return err
	}
	return credit(env, token, from, to, amount)
}

// debit takes an amount from an account. An amount of zero is taken from
// everybody, and leaves no row (ERC-20 allows it).
func debit(env *contract.Env, id ledger.Digest, from ledger.ID, amount ledger.Amount) error {
	has, err := BalanceOf(env, id, from)
	if err != nil || amount.IsZero() {
		return err
	}
	rest, ok := has.Minus(amount)
	if !ok {
		return contract.Errorf(CodeInsufficientFunds, "account %s has %s, the transfer wants %s", from, has, amount)
	}
	if id.IsZero() {
		return contract.Store(env, BalanceRow(from), rest)
	}
	return put(env, HoldingRow(id, from), rest) // who holds nothing stands in no register
}

// credit gives an amount to an account and says so. It reads after the debit, so
// that a transfer to oneself keeps the balance.
func credit(env *contract.Env, token *ledger.Digest, from, to ledger.ID, amount ledger.Amount) error {
	if !amount.IsZero() {
		id := idOf(token)
		has, err := BalanceOf(env, id, to)
		if err != nil {
			return err
		}
		sum, ok := has.Plus(amount)
		if !ok {
			return contract.Errorf(contract.CodeConflict, "account %s would pass 2^256", to)
		}
		if err := contract.Store(env, HoldingRow(id, to), sum); err != nil {
			return err
		}
	}
	return env.Emit(EventTransfer, &Transferred{Token: token, From: from, To: to, Amount: amount})
}

func transferFromFootprint(call contract.Call, t *TransferFrom) (f contract.Footprint, err error) {
	if err := checkAccount("from", t.From); err != nil {
		return f, err
	}
	if err := checkAccount("to", t.To); err != nil {
		return f, err
	}
	id := idOf(t.Token)
	f.Reads = []contract.Key{identity.MemberRow(t.From)}
	if t.Token != nil {
		f.Reads = readsOf(id, t.From, t.To)
	}
	f.Writes = []contract.Key{HoldingRow(id, t.From), HoldingRow(id, t.To), AllowanceRow(id, t.From, call.Sender)}
	return f, checkToken(t.Token)
}

func transferFrom(env *contract.Env, call contract.Call, t *TransferFrom) error {
	if err := asset.OwnKey(env, call); err != nil {
		return err
	}
	err := identity.MayHold(env, t.From)
	if t.Token != nil {
		err = mayMove(env, *t.Token, t.From, t.To)
	}
	if err != nil {
		return err
	}
	if err := spendAllowance(env, idOf(t.Token), t.From, call.Sender, t.Amount); err != nil {
		return err
	}
	return move(env, t.Token, t.From, t.To, t.Amount)
}
