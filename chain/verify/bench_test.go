package verify_test

import (
	"testing"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/verify"
)

// BenchmarkChain verifies a chain of 10 blocks of 200 transfers between 50
// accounts, with the keys kept expanded as the verifier's commands keep them.
func BenchmarkChain(b *testing.B) {
	c := empty(b, 50, 200)
	const blocks, perBlock = 10, 200
	nonce := uint64(0)
	for range blocks {
		raw := make([][]byte, perBlock)
		for i := range raw {
			nonce++
			raw[i] = c.Transfer(i%50, (i+7)%50, 1, nonce, start+60_000)
		}
		c.transactions(b, 0, raw...)
	}
	in := c.input(c.store)
	in.Verify = identity.NewVerifier(100).Verify
	b.ResetTimer()
	for b.Loop() {
		report, _, err := verify.Chain(b.Context(), in)
		if err != nil || report.Verdict != verify.Right || report.Checked.Transactions != blocks*perBlock {
			b.Fatal(report, report.First, err)
		}
	}
	b.ReportMetric(float64(blocks*perBlock)*float64(b.N)/b.Elapsed().Seconds(), "tx/s")
}
