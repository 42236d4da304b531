package token_test

import (
	"fmt"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
)

// A transfer names the two balances it touches before it runs.
func ExampleNew() {
	from, to := ledger.ID{1}, ledger.ID{2}
	ten, err := ledger.Encode(ledger.NewAmount(10))
	if err != nil {
		fmt.Println(err)
		return
	}
	state := aplostest.Rows{token.BalanceRow(from): ten}
	args, err := ledger.Encode(&token.Transfer{To: to, Amount: ledger.NewAmount(3)})
	if err != nil {
		fmt.Println(err)
		return
	}
	call := contract.Call{Sender: from, Contract: token.Name, Method: "transfer", Args: args}
	action, err := contract.NewSet(token.New()).Bind(call)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("may write", len(action.Footprint.Writes), "rows")
	env := contract.NewEnv(state, action.Footprint, 0)
	if err := action.Run(env); err != nil {
		fmt.Println(err)
		return
	}
	state.Apply(env.Writes())
	balance, err := token.Balance(state, to)
	fmt.Println(balance, err)
	// Output:
	// may write 3 rows
	// 3 <nil>
}
