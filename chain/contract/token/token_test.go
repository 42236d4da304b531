package token_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
)

var (
	alice = ledger.ID{1}
	bob   = ledger.ID{2}
)

// balances returns a state with the given balances; decimal, empty for none.
func balances(t testing.TB, of map[ledger.ID]string) aplostest.Rows {
	t.Helper()
	rows := aplostest.Rows{}
	for account, s := range of {
		a, err := ledger.ParseAmount(s)
		if err != nil {
			t.Fatal(err)
		}
		b, err := ledger.Encode(a)
		if err != nil {
			t.Fatal(err)
		}
		rows[token.BalanceRow(account)] = b
	}
	return rows
}

// transfer runs a transfer from alice over the rows and applies what it wrote.
func transfer(t testing.TB, rows aplostest.Rows, to ledger.ID, amount ledger.Amount) ([]ledger.Event, error) {
	t.Helper()
	args, err := ledger.Encode(&token.Transfer{To: to, Amount: amount})
	if err != nil {
		t.Fatal(err)
	}
	action, err := contract.NewSet(token.New()).Bind(contract.Call{Sender: alice, Contract: token.Name, Method: "transfer", Args: args})
	if err != nil {
		t.Fatal(err)
	}
	env := contract.NewEnv(rows, action.Footprint, 0)
	if err := action.Run(env); err != nil {
		return nil, err
	}
	if len(env.Writes()) > 2 {
		t.Errorf("a transfer wrote %d rows", len(env.Writes()))
	}
	rows.Apply(env.Writes())
	return env.Events(), nil
}

const most = "115792089237316195423570985008687907853269984665640564039457584007913129639935" // 2^256-1

func TestTransfer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		has, got string // of alice and bob, before
		to       ledger.ID
		amount   string
		code     ledger.Code
		left, is string // after
	}{
		{"part", "10", "5", bob, "3", "", "7", "8"},
		{"all", "10", "5", bob, "10", "", "0", "15"},
		{"to nobody yet", "10", "", bob, "1", "", "9", "1"},
		{"nothing", "10", "5", bob, "0", "", "10", "5"},
		{"to oneself", "10", "5", alice, "10", "", "10", "5"},
		{"too much to oneself", "10", "5", alice, "11", token.CodeInsufficientFunds, "10", "5"},
		{"too much", "10", "5", bob, "11", token.CodeInsufficientFunds, "10", "5"},
		{"far too much", "10", "5", bob, most, token.CodeInsufficientFunds, "10", "5"},
		{"from an empty account", "", "5", bob, "1", token.CodeInsufficientFunds, "0", "5"},
		{"past 2^256", "10", most, bob, "1", contract.CodeConflict, "10", most},
		{"the most there is", most, "0", bob, most, "", "0", most},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			of := map[ledger.ID]string{}
			for account, s := range map[ledger.ID]string{alice: tt.has, bob: tt.got} {
				if s != "" {
					of[account] = s
				}
			}
			rows := balances(t, of)
			amount, err := ledger.ParseAmount(tt.amount)
			if err != nil {
				t.Fatal(err)
			}
			events, err := transfer(t, rows, tt.to, amount)
			if tt.code == "" {
				var told token.Transferred
				if err != nil || len(events) != 1 || events[0].Type != token.EventTransfer {
					t.Fatalf("events %v, error %v", events, err)
				}
				if err := ledger.Decode("event", events[0].Data, 1000, &told); err != nil || told.From != alice || told.To != tt.to || told.Amount != amount {
					t.Errorf("event %+v, %v", told, err)
				}
			} else if refused := (*contract.Error)(nil); !errors.As(err, &refused) || refused.Code != tt.code {
				t.Errorf("error %v, want %s", err, tt.code)
			}
			for account, want := range map[ledger.ID]string{alice: tt.left, bob: tt.is} {
				if got, err := token.Balance(rows, account); err != nil || got.String() != want {
					t.Errorf("account %s has %s, %v, want %s", account, got, err, want)
				}
			}
		})
	}
}

// TestSupply holds invariant 1 over random transfers.
func TestSupply(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		rows := balances(t, map[ledger.ID]string{alice: "1000", bob: "7"})
		for range rapid.IntRange(1, 10).Draw(r, "transfers") {
			to := rapid.SampledFrom([]ledger.ID{alice, bob, {3}}).Draw(r, "to")
			_, _ = transfer(t, rows, to, ledger.NewAmount(rapid.Uint64Range(0, 1100).Draw(r, "amount"))) // refused ones change nothing
		}
		var sum ledger.Amount
		for _, account := range []ledger.ID{alice, bob, {3}} {
			a, err := token.Balance(rows, account)
			if err != nil {
				r.Fatal(err)
			}
			sum, _ = sum.Plus(a)
		}
		if sum != ledger.NewAmount(1007) {
			r.Fatalf("the supply is %s", sum)
		}
	})
}

func TestBadArguments(t *testing.T) {
	t.Parallel()
	set := contract.NewSet(token.New())
	for _, args := range [][]byte{nil, {0xa0}, {0x80}, []byte("rubbish")} {
		_, err := set.Bind(contract.Call{Sender: alice, Contract: token.Name, Method: "transfer", Args: args})
		if refused := (*contract.Error)(nil); !errors.As(err, &refused) || refused.Code != contract.CodeBadArguments {
			t.Errorf("arguments %x: error %v", args, err)
		}
	}
}

func TestBalanceOfBrokenRow(t *testing.T) {
	t.Parallel()
	rows := aplostest.Rows{token.BalanceRow(alice): []byte("rubbish")}
	if _, err := token.Balance(rows, alice); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("error %v", err)
	}
	if _, err := transfer(t, rows, bob, ledger.NewAmount(0)); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("transfer from a broken row: %v", err) // no result: the node stops
	}
}

func TestGenesis(t *testing.T) {
	t.Parallel()
	c := aplostest.New(t, 1, 3, 1, nil)
	rows := aplostest.Rows{}
	env := contract.NewGenesisEnv(rows, c.Genesis.Time)
	if err := token.New().Genesis(c.Genesis, env); err != nil {
		t.Fatal(err)
	}
	rows.Apply(env.Writes())
	info, ok, err := contract.LoadFrom[token.Info](rows, token.InfoRow)
	if err != nil || !ok || info.Symbol != "TEST" || info.Supply != c.Genesis.Token.Supply {
		t.Errorf("info %+v, %t, %v", info, ok, err)
	}
	for i := range 3 {
		if b, err := token.Balance(rows, c.Account(i)); err != nil || b != ledger.NewAmount(aplostest.Balance) {
			t.Errorf("account %d has %s, %v", i, b, err)
		}
	}
	if len(rows) != 4 {
		t.Errorf("%d rows, want 4", len(rows))
	}
}
