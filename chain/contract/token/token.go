package token

import (
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/asset"
	"github.com/librum/librum/chain/ledger"
)

// Name is the contract's name.
const Name = "token"

// control is the roles and the pause of created tokens.
const control = asset.Control(Name)

// The methods, beside those of [asset.Control.Methods].
const (
	MethodTransfer          = "transfer"
	MethodTransferFrom      = "transferFrom"
	MethodApprove           = "approve"
	MethodIncreaseAllowance = "increaseAllowance"
	MethodDecreaseAllowance = "decreaseAllowance"
	MethodCreate            = "create"
	MethodMint              = "mint"
	MethodBurn              = "burn"
	MethodBurnFrom          = "burnFrom"
)

// The codes of this contract.
const (
	CodeInsufficientFunds     ledger.Code = "insufficient_funds"     // less is there than is moved
	CodeInsufficientAllowance ledger.Code = "insufficient_allowance" // less is allowed than is moved
)

// New returns the contract.
func New() contract.Contract {
	return contract.Contract{
		Name:    Name,
		Summary: "Fungible tokens, the native one among them: balances, allowances, supply.",
		Methods: slices.Concat([]contract.Method{
			contract.Handle(MethodTransfer, "Moves an amount from the sender to an account.", transferFootprint, transfer),
			contract.Handle(MethodTransferFrom, "Moves an amount that the sender was allowed to.", transferFromFootprint, transferFrom),
			contract.Handle(MethodApprove, "Sets what a spender may move.", approveFootprint, approve),
			contract.Handle(MethodIncreaseAllowance, "Adds to what a spender may move.", approveFootprint, increase),
			contract.Handle(MethodDecreaseAllowance, "Takes from what a spender may move.", approveFootprint, decrease),
			contract.Handle(MethodCreate, "Creates a token.", createFootprint, create),
			contract.Handle(MethodMint, "A minter makes an amount for an account.", mintFootprint, mint),
			contract.Handle(MethodBurn, "A burner ends an amount that it holds.", burnFootprint, burn),
			contract.Handle(MethodBurnFrom, "A burner ends an amount that it was allowed to.", burnFromFootprint, burnFrom),
		}, control.Methods()),
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
