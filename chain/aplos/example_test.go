package aplos_test

import (
	"fmt"
	"testing"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// quiet lets an example use what makes chains for tests.
type quiet struct{ testing.TB }

func (quiet) Helper() {}

// A record is executed at its place on the log; its block is cut after.
func ExampleExecutor() {
	const now = 1_700_000_000_000
	chain := aplostest.New(quiet{}, 1, 2, now, nil)
	config := aplos.Config{Chain: chain.ID, Contracts: aplostest.Contracts(), Verify: identity.Verify}
	genesis, err := aplos.Genesis(config.Contracts, chain.Genesis)
	if err != nil {
		fmt.Println(err)
		return
	}
	rows := aplostest.Rows{}
	rows.Apply(genesis.Writes)
	executor, err := aplos.New(config, rows, 0, genesis.Commitment)
	if err != nil {
		fmt.Println(err)
		return
	}

	transfer := chain.Transfer(0, 1, 250, 1, now+60_000)
	record := chain.Record(0, ledger.Record{
		Kind: ledger.RecordTransactions, Time: now + 5, Transactions: [][]byte{transfer, transfer},
	})
	executed, err := executor.Execute(0, record)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range executed.Results {
		fmt.Println(r.Position, r.Code)
	}
	balance, err := token.Balance(executor, chain.Account(1))
	fmt.Println(balance, err)
	block, err := executor.Seal()
	fmt.Println("block", block.Height, "changes", len(block.Writes), "rows", err)
	// Output:
	// 0.0 ok
	// 0.1 replayed
	// 1000250 <nil>
	// block 1 changes 4 rows <nil>
}
