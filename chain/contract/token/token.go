package token

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// Name is the contract's name.
const Name = "token"

// CodeInsufficientFunds refuses a transfer of more than the sender has.
const CodeInsufficientFunds ledger.Code = "insufficient_funds"

// InfoRow is the key of the token's description.
const InfoRow contract.Key = Name + "/info"

// Info describes the token.
type Info struct {
	_        struct{} `cbor:",toarray"`
	Symbol   string
	Decimals uint8
	Supply   ledger.Amount
	Presale  ledger.GenesisPresale
}

// Transfer is the arguments of the method transfer.
type Transfer struct {
	To     ledger.ID     `cbor:"to"`
	Amount ledger.Amount `cbor:"amount"`
}

// EventTransfer is the type of the event of a transfer.
const EventTransfer = "token.transfer"

// Transferred is the data of a transfer's event.
type Transferred struct {
	From   ledger.ID     `cbor:"from"`
	To     ledger.ID     `cbor:"to"`
	Amount ledger.Amount `cbor:"amount"`
}

// BalanceRow returns the key of an account's balance.
func BalanceRow(account ledger.ID) contract.Key {
	return contract.Key(Name + "/balance/" + string(account[:]))
}

// Balance reads the balance of an account; an account without a row has zero.
func Balance(state contract.State, account ledger.ID) (ledger.Amount, error) {
	a, ok, err := contract.LoadFrom[ledger.Amount](state, BalanceRow(account))
	if err != nil || !ok {
		return ledger.Amount{}, err
	}
	return *a, nil
}

// New returns the contract.
func New() contract.Contract {
	return contract.Contract{
		Name:    Name,
		Summary: "The native token: balances and transfers.",
		Methods: []contract.Method{
			contract.Handle("transfer", "Moves an amount from the sender to an account.", transferFootprint, transfer),
		},
		Genesis: genesis,
	}
}

func genesis(g *ledger.Genesis, env *contract.Env) error {
	info := Info{Symbol: g.Token.Symbol, Decimals: g.Token.Decimals, Supply: g.Token.Supply, Presale: g.Token.Presale}
	if err := contract.Store(env, InfoRow, &info); err != nil {
		return err
	}
	for _, a := range g.Token.Allocations {
		if err := contract.Store(env, BalanceRow(a.Account), a.Amount); err != nil {
			return err
		}
	}
	return nil
}

func transferFootprint(call contract.Call, t *Transfer) (contract.Footprint, error) {
	return contract.Footprint{Writes: []contract.Key{
		BalanceRow(call.Sender), BalanceRow(t.To), contract.AllowanceRow(call.Sender, call.Key),
	}}, nil
}

func transfer(env *contract.Env, call contract.Call, t *Transfer) error {
	from, err := Balance(env, call.Sender)
	if err != nil {
		return err
	}
	if t.Amount.IsZero() { // moves nothing (ERC-20 allows it), so it leaves no row for a new account
		return env.Emit(EventTransfer, &Transferred{From: call.Sender, To: t.To, Amount: t.Amount})
	}
	rest, ok := from.Minus(t.Amount)
	if !ok {
		return contract.Errorf(CodeInsufficientFunds, "account %s has %s, the transfer wants %s", call.Sender, from, t.Amount)
	}
	if err := contract.Spend(env, call, t.Amount); err != nil {
		return err
	}
	if err := contract.Store(env, BalanceRow(call.Sender), rest); err != nil {
		return err
	}
	// Read after the write, so that a transfer to oneself keeps the balance.
	to, err := Balance(env, t.To)
	if err != nil {
		return err
	}
	sum, ok := to.Plus(t.Amount)
	if !ok {
		return contract.Errorf(contract.CodeConflict, "account %s would pass 2^256", t.To)
	}
	if err := contract.Store(env, BalanceRow(t.To), sum); err != nil {
		return err
	}
	return env.Emit(EventTransfer, &Transferred{From: call.Sender, To: t.To, Amount: t.Amount})
}
