package aplos_test

import (
	"crypto/rand"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/aplos/aplostest"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// BenchmarkExecute executes records of 2,000 transfers whose signatures the
// gateway has checked, and seals a block after each; "foreign" ones came by
// another node and are checked here. "Hot" has all go to one account.
func BenchmarkExecute(b *testing.B) {
	const accounts, size = 4_000, 2_000
	c := aplostest.New(b, 1, accounts, start, nil)
	verifier := identity.NewVerifier(accounts)
	for _, load := range []string{"spread", "hot", "foreign"} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/workers=%d", load, workers), func(b *testing.B) {
				e := newExecutor(b, c)
				e.config.Workers, e.config.Verify = workers, verifier.Verify
				e.config.VerifyAll = func(list []identity.Signed) []bool { return verifier.VerifyAll(list, rand.Reader) }
				e.config.Checked, e.config.Members = identity.NewChecked(size), members.NewDecoded(accounts)
				if err := e.restart(); err != nil {
					b.Fatal(err)
				}
				var used time.Duration // of processors, which other work on the machine does not change
				for offset := range b.N {
					b.StopTimer()
					record := ledger.Record{Kind: ledger.RecordTransactions, Time: start}
					for i := range size {
						from, to := (offset+2*i)%accounts, (offset+2*i+1)%accounts
						if load == "hot" {
							to = 0
						}
						raw := c.Transfer(from, to, 1, uint64(offset*size+i), start+1000)
						if load != "foreign" {
							candidate := aplos.Read(raw)
							candidate.Signed.Key = aplostest.AccountKey(from).Public()
							e.config.Checked.Put(candidate.ID, &candidate.Signed, &candidate.Transaction)
						}
						record.Transactions = append(record.Transactions, raw)
					}
					raw := c.Record(0, record)
					before := processorTime(b)
					b.StartTimer()
					executed, err := e.Execute(uint64(offset), raw)
					if err != nil || executed.Results[0].Code != ledger.CodeOK {
						b.Fatal(executed.Results[0].Code, err)
					}
					sealed, err := e.Seal()
					if err != nil {
						b.Fatal(err)
					}
					b.StopTimer()
					used += processorTime(b) - before
					e.pending = append(e.pending, sealed)
					e.apply(0)
					b.StartTimer()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/transaction")
				b.ReportMetric(float64(used.Nanoseconds())/float64(b.N*size), "cpu-ns/transaction")
			})
		}
	}
}

func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
