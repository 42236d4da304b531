package aplos_test

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestFootprint runs contracts that touch what they did not declare, also such
// as overlook the refusal.
func TestFootprint(t *testing.T) {
	t.Parallel()
	const row = contract.Key("vault/row")
	method := func(name string, declared contract.Footprint, run func(*contract.Env) error) contract.Method {
		return contract.Handle(name, "", func(contract.Call, *struct{}) (contract.Footprint, error) { return declared, nil },
			func(env *contract.Env, _ contract.Call, _ *struct{}) error { return run(env) })
	}
	overlook := func(env *contract.Env) error { _ = env.Set(row, []byte("x")); return env.Emit("vault.set", 1) }
	vault := contract.Contract{Name: "vault", Methods: []contract.Method{
		method("declared", contract.Footprint{Writes: []contract.Key{row}}, func(env *contract.Env) error { return env.Set(row, []byte("y")) }),
		method("undeclared", contract.Footprint{}, func(env *contract.Env) error { return env.Set(row, []byte("x")) }),
		method("read_only", contract.Footprint{Reads: []contract.Key{row}}, func(env *contract.Env) error { return env.Delete(row) }),
		method("overlooked", contract.Footprint{Reads: []contract.Key{row}}, overlook),
		method("peeks", contract.Footprint{}, func(env *contract.Env) error { _, _, err := env.Get(row); return err }),
		method("large", contract.Footprint{Writes: []contract.Key{row}}, func(env *contract.Env) error { return env.Set(row, make([]byte, contract.MaxWriteBytes)) }),
	}}
	c := aplostest.New(t, 1, 2, start, nil)
	config := aplos.Config{
		Chain: c.ID, Verify: identity.Verify,
		Contracts: contract.Rules{contract.NewSet(append(aplostest.Contracts()[0].Contracts(), vault)...)},
	}
	genesis, err := aplos.Genesis(config.Contracts, c.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	rows := aplostest.Rows{}
	rows.Apply(genesis.Writes)
	e, err := aplos.New(config, rows, 0, genesis.Commitment)
	if err != nil {
		t.Fatal(err)
	}
	want := []ledger.Code{
		ledger.CodeOK, contract.CodeOutsideFootprint, contract.CodeOutsideFootprint, contract.CodeOutsideFootprint,
		contract.CodeOutsideFootprint, contract.CodeTooLarge,
	}
	var record ledger.Record
	for i, m := range vault.Methods {
		tx := c.Transaction(0, 1, 0, uint64(i), start+1000)
		tx.Contract, tx.Method, tx.Args = "vault", m.Name, c.Encode(struct{}{})
		record.Transactions = append(record.Transactions, c.Sign(tx, aplostest.AccountKey(0)))
	}
	record.Kind, record.Time = ledger.RecordTransactions, start
	executed, err := e.Execute(0, c.Record(0, record))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range executed.Results {
		if r.Code != want[i] || !executed.Burnt[i] {
			t.Errorf("%s: %s burnt %t, want %s: %s", vault.Methods[i].Name, r.Code, executed.Burnt[i], want[i], executed.Details[i])
		}
		if r.Code != ledger.CodeOK && (len(r.Events) != 0 || !r.Writes.IsZero()) {
			t.Errorf("%s was refused and left %d events, writes %s", vault.Methods[i].Name, len(r.Events), r.Writes)
		}
	}
	if v, ok, err := e.Get(row); err != nil || !ok || string(v) != "y" {
		t.Errorf("row is %q, %t, %v", v, ok, err)
	}
}

// broken is a base that can't be read.
type broken struct{ aplostest.Rows }

var errDisk = errors.New("disk on fire")

func (b broken) Latest(key []byte) ([]byte, bool, error) {
	if strings.HasPrefix(string(key), "token/") {
		return nil, false, errDisk
	}
	return b.Rows.Latest(key)
}

// TestReadErrorIsNoResult holds invariant 4.
func TestReadErrorIsNoResult(t *testing.T) {
	t.Parallel()
	c := aplostest.New(t, 1, 2, start, nil)
	whole := newExecutor(t, c)
	e, err := aplos.New(whole.config, broken{whole.rows}, 0, whole.sum)
	if err != nil {
		t.Fatal(err)
	}
	record := ledger.Record{
		Kind: ledger.RecordTransactions, Time: start, Transactions: [][]byte{c.Transfer(0, 1, 1, 1, start+1000)},
	}
	if _, err := e.Execute(0, c.Record(0, record)); !errors.Is(err, errDisk) {
		t.Errorf("error %v, want %v", err, errDisk)
	}
}

func TestNewRefusesBrokenState(t *testing.T) {
	t.Parallel()
	c := aplostest.New(t, 1, 1, start, nil)
	for _, missing := range []contract.Key{aplos.LogRow, "governance/group", "governance/limits"} {
		e := newExecutor(t, c)
		delete(e.rows, missing)
		if err := e.restart(); err == nil || !strings.Contains(err.Error(), string(missing)) {
			t.Errorf("without %s: error %v", missing, err)
		}
	}
	e := newExecutor(t, c)
	e.sum = e.sum[1:]
	if err := e.restart(); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("short commitment: error %v", err)
	}
}

// TestGenesis checks what a chain starts from, and that a genesis part that
// overlooks a refusal of its environment does not lose rows in silence.
func TestGenesis(t *testing.T) {
	t.Parallel()
	c := aplostest.New(t, 4, 3, start, nil)
	a, err := aplos.Genesis(aplostest.Contracts(), c.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	rows := aplostest.Rows{}
	rows.Apply(a.Writes)
	if rows.Commitment().Digest() != a.State || a.Height != 0 {
		t.Errorf("state %s at height %d, want %s at 0", a.State, a.Height, rows.Commitment().Digest())
	}
	balance, err := token.Balance(rows, c.Account(2))
	if err != nil || balance.Cmp(ledger.NewAmount(aplostest.Balance)) != 0 {
		t.Errorf("balance %s, %v", balance, err)
	}
	careless := contract.Contract{Name: "careless", Genesis: func(_ *ledger.Genesis, env *contract.Env) error {
		_ = env.Emit("careless.event", make(chan int)) // has no encoding
		return env.Set("careless/row", []byte("x"))
	}}
	if _, err := aplos.Genesis(contract.Rules{contract.NewSet(careless)}, c.Genesis); err == nil {
		t.Error("rows of a failed genesis part were dropped in silence")
	}
}
