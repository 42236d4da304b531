package token

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// InfoRow is the key of the native token's description.
const InfoRow contract.Key = Name + "/info"

// CreatedPrefix starts the keys of the rows of created tokens.
const CreatedPrefix contract.Key = Name + "/created/"

// nativePrefix starts the keys of the native balances.
const nativePrefix = Name + "/balance/"

// Info describes the native token.
type Info struct {
	_        struct{} `cbor:",toarray"`
	Symbol   string
	Decimals uint8
	Supply   ledger.Amount
	Presale  ledger.GenesisPresale
}

// Created is the row of a created token.
type Created struct {
	_        struct{} `cbor:",toarray"`
	Creator  ledger.ID
	Created  int64 // log time, ms
	Name     string
	Symbol   string
	Decimals uint8
	Cap      ledger.Amount // the most there may ever be, 0 for no bound
}

// BalanceRow returns the key of an account's balance of the native token.
func BalanceRow(account ledger.ID) contract.Key {
	return contract.Key(nativePrefix + string(account[:]))
}

// HoldingPrefix starts the keys of the balances of a token: of the native one
// where the id is zero, here as everywhere below.
func HoldingPrefix(id ledger.Digest) contract.Key {
	if id.IsZero() {
		return nativePrefix
	}
	return contract.Key(Name + "/holding/" + string(id[:]))
}

// HoldingRow returns the key of an account's balance of a token.
func HoldingRow(id ledger.Digest, account ledger.ID) contract.Key {
	return HoldingPrefix(id) + contract.Key(account[:])
}

// CreatedRow returns the key of a created token's row.
func CreatedRow(id ledger.Digest) contract.Key { return CreatedPrefix + contract.Key(id[:]) }

// SupplyRow returns the key of a created token's supply.
func SupplyRow(id ledger.Digest) contract.Key { return contract.Key(Name + "/supply/" + string(id[:])) }

// AllowanceRow returns the key of what a spender may move of an owner's. The row
// is missing where that is nothing.
func AllowanceRow(id ledger.Digest, owner, spender ledger.ID) contract.Key {
	return contract.Key(Name + "/allowance/" + string(id[:]) + string(owner[:]) + string(spender[:]))
}

// Balance reads the native balance of an account; an account without a row has
// zero.
func Balance(state contract.State, account ledger.ID) (ledger.Amount, error) {
	return amount(state, BalanceRow(account))
}

// BalanceOf reads an account's balance of a token.
func BalanceOf(state contract.State, id ledger.Digest, account ledger.ID) (ledger.Amount, error) {
	return amount(state, HoldingRow(id, account))
}

// Allowance reads what a spender may move of an owner's.
func Allowance(state contract.State, id ledger.Digest, owner, spender ledger.ID) (ledger.Amount, error) {
	return amount(state, AllowanceRow(id, owner, spender))
}

// TotalSupply reads how much there is of a token.
func TotalSupply(state contract.State, id ledger.Digest) (ledger.Amount, error) {
	if !id.IsZero() {
		return amount(state, SupplyRow(id))
	}
	info, ok, err := contract.LoadFrom[Info](state, InfoRow)
	if err != nil || !ok {
		return ledger.Amount{}, err
	}
	return info.Supply, nil
}

func amount(state contract.State, row contract.Key) (ledger.Amount, error) {
	a, ok, err := contract.LoadFrom[ledger.Amount](state, row)
	if err != nil || !ok {
		return ledger.Amount{}, err
	}
	return *a, nil
}

// put stores an amount, or removes the row where the amount is zero.
func put(env *contract.Env, row contract.Key, a ledger.Amount) error {
	if !a.IsZero() {
		return contract.Store(env, row, a)
	}
	if _, had, err := env.Get(row); err != nil || !had {
		return err
	}
	return env.Delete(row)
}
