package aplos_test

import (
	"encoding/binary"
	"testing"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// TestStandingHoldsFromTheNextTransaction changes members in the middle of a
// record: what stands behind in the same record is judged by it already.
func TestStandingHoldsFromTheNextTransaction(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*executor) *executor{
		"one by one": func(e *executor) *executor { return e },
		"in batches": (*executor).inBatches, // under keys from before the record
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testStanding(t, prepare)
		})
	}
}

func testStanding(t *testing.T, prepare func(*executor) *executor) {
	t.Helper()
	c := aplostest.New(t, 4, 2, start, func(g *ledger.Genesis) { g.Members[1].Roles = []string{identity.RoleOfficer} })
	e := prepare(newExecutor(t, c))
	if err := e.restart(); err != nil {
		t.Fatal(err)
	}
	const member, officer = 0, 1
	own, next := aplostest.AccountKey(member), aplostest.DelegateKey(9)
	nonce := uint64(0)
	var record ledger.Record
	var want []ledger.Code
	call := func(code ledger.Code, sender ledger.ID, by *identity.Key, name, method string, args any) {
		nonce++
		tx := c.Transaction(member, officer, 1, nonce, start+1000)
		if tx.Sender = sender; args != nil {
			tx.Contract, tx.Method, tx.Args = name, method, c.Encode(args)
		}
		binary.BigEndian.PutUint64(tx.Nonce[:], nonce)
		record.Transactions, want = append(record.Transactions, c.Sign(tx, by)), append(want, code)
	}
	transfer := func(code ledger.Code, by *identity.Key) { call(code, c.Account(member), by, "", "", nil) }
	order := func(method string) {
		call(ledger.CodeOK, c.Account(officer), aplostest.AccountKey(officer), members.Name, method, &members.Change{Member: c.Account(member)})
	}
	transfer(ledger.CodeOK, own)
	order(members.MethodFreeze)
	transfer(members.CodeNotActive, own)
	order(members.MethodUnfreeze)
	transfer(ledger.CodeOK, own)
	possession := ledger.Possession{
		Version: ledger.Version, Chain: c.ID, Organisation: c.Genesis.Organisations[0].ID, Member: c.Account(member), Key: next.Public(),
	}
	proof, err := possession.Sign(next.Sign)
	if err != nil {
		t.Fatal(err)
	}
	call(ledger.CodeOK, c.Account(member), own, members.Name, members.MethodRotateKey,
		&members.RotateKey{Old: own.ID(), Key: next.Public(), Proof: proof})
	transfer(contract.CodeUnknownKey, own)
	transfer(ledger.CodeOK, next)
	order(members.MethodRevoke)
	transfer(members.CodeNotActive, next)

	// A node reports, is reported, and reports no more.
	report := func(code ledger.Code, reporter, liar int) {
		call(code, aplostest.NodeID(reporter), aplostest.NodeKey(reporter), governance.Name, governance.MethodReportEquivocation, equivocation(t, c, liar))
	}
	report(ledger.CodeOK, 2, 3)
	report(members.CodeNotActive, 3, 1)
	report(ledger.CodeOK, 0, 1)

	// A suspended node appends the record: it is executed all the same.
	for offset, by := range []int{0, 3} {
		record.Kind, record.Time = ledger.RecordTransactions, start
		executed, err := e.Execute(uint64(offset), c.Record(by, record))
		if err != nil || executed.Skipped != nil {
			t.Fatalf("record %d: skipped for %q, %v", offset, executed.Reason, err)
		}
		for i, r := range executed.Results {
			if offset == 0 && r.Code != want[i] {
				t.Errorf("transaction %d: %s (%s), want %s", i, r.Code, executed.Details[i], want[i])
			}
			if offset == 1 && r.Code == ledger.CodeOK {
				t.Errorf("transaction %d took effect again", i)
			}
		}
	}
}

// TestRenewalHoldsFromTheNextTransaction lets a member expire and renews it in
// the middle of a record.
func TestRenewalHoldsFromTheNextTransaction(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*executor) *executor{
		"one by one": func(e *executor) *executor { return e },
		"in batches": (*executor).inBatches,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const member, officer = 0, 1
			c := aplostest.New(t, 1, 2, start, func(g *ledger.Genesis) { g.Members[officer].Roles = []string{identity.RoleOfficer} })
			e := prepare(newExecutor(t, c))
			if err := e.restart(); err != nil {
				t.Fatal(err)
			}
			nonce := uint64(0)
			transfer := func() []byte {
				nonce++
				return c.Sign(c.Transaction(member, officer, 1, nonce, start+1000), aplostest.AccountKey(member))
			}
			renew := func(until int64) []byte {
				nonce++
				tx := c.Transaction(officer, member, 1, nonce, start+1000)
				tx.Contract, tx.Method = members.Name, members.MethodRenew
				tx.Args = c.Encode(&members.Renew{Member: c.Account(member), Expiry: until})
				return c.Sign(tx, aplostest.AccountKey(officer))
			}
			for offset, tt := range []struct {
				at   int64
				txs  [][]byte
				want []ledger.Code
			}{
				{start, [][]byte{renew(start + 5), transfer()}, []ledger.Code{ledger.CodeOK, ledger.CodeOK}},
				{start + 6, [][]byte{transfer(), renew(start + 20), transfer()}, []ledger.Code{members.CodeNotActive, ledger.CodeOK, ledger.CodeOK}},
				{start + 21, [][]byte{transfer()}, []ledger.Code{members.CodeNotActive}},
			} {
				record := ledger.Record{Kind: ledger.RecordTransactions, Time: tt.at, Transactions: tt.txs}
				executed, err := e.Execute(uint64(offset), c.Record(0, record))
				if err != nil || executed.Skipped != nil {
					t.Fatalf("record %d: skipped for %q, %v", offset, executed.Reason, err)
				}
				for i, r := range executed.Results {
					if r.Code != tt.want[i] {
						t.Errorf("record %d, transaction %d: %s (%s), want %s", offset, i, r.Code, executed.Details[i], tt.want[i])
					}
				}
			}
		})
	}
}
