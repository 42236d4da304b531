package lokka_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
)

// BenchmarkBlock adds and cuts a block of 10,000 transactions of 300 bytes in
// records of 100, three Merkle roots and the block's bytes included.
func BenchmarkBlock(b *testing.B) {
	const total, perRecord = 10_000, 100
	records := make([]lokka.Record, total/perRecord)
	for i := range records {
		r := &records[i]
		r.Kind, r.LogTime = ledger.RecordTransactions, 1
		for k := range perRecord {
			tx := append(fmt.Appendf(nil, "%d.%d", i, k), bytes.Repeat([]byte{7}, 290)...)
			r.Transactions = append(r.Transactions, tx)
			r.Envelope = append(r.Envelope, tx...)
			r.Results = append(r.Results, ledger.Result{
				ID: ledger.Hash(tx), Code: ledger.CodeOK, Position: ledger.Position{Offset: uint64(i), Index: uint32(k)},
				Events: []ledger.Event{{Type: "token.transfer", Data: tx[:60]}}, Writes: ledger.Hash(tx),
			})
		}
	}
	s := newSim(b, 1, ledger.Limits{BlockTransactions: total, BlockBytes: 32 << 20}, 200)
	m := s.nodes[0].machine
	group, err := s.group.Digest()
	s.must(err)
	b.ReportAllocs()
	height := uint64(0)
	for b.Loop() {
		for i, r := range records {
			r.Offset = height*uint64(len(records)) + uint64(i)
			if _, err := m.Add(r); err != nil {
				b.Fatal(err)
			}
		}
		_, header, err := m.Cut(ledger.Digest{}, group)
		if err != nil {
			b.Fatal(err)
		}
		if len(m.BlockBytes()) < total*300 {
			b.Fatal("bytes are missing")
		}
		height++
		if err := m.Applied(height); err != nil {
			b.Fatal(err)
		}
		if err := m.Signed(s.nodes[0].signHeader(height, header)); err != nil {
			b.Fatal(err)
		}
		m.Ready()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*total), "ns/transaction")
}
