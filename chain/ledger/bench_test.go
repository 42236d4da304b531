package ledger_test

import (
	"encoding/binary"
	"testing"

	"github.com/librum/librum/chain/ledger"
)

func BenchmarkParseTransaction(b *testing.B) {
	raw := signedTransaction(b)
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, _, err := ledger.ParseTransaction(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseRecord(b *testing.B) {
	record := fixtureRecord(b, ledger.RecordTransactions)
	record.Transactions = nil
	for range 1000 {
		record.Transactions = append(record.Transactions, signedTransaction(b))
	}
	raw := signedRecord(b, record)
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, _, err := ledger.ParseRecord(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTransactionID(b *testing.B) {
	_, e, err := ledger.ParseTransaction(signedTransaction(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.ID(ledger.KindTransaction)
	}
}

func BenchmarkEncodeResult(b *testing.B) {
	result := &fixtureResults(b)[0]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ledger.Encode(result); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCommitmentAdd(b *testing.B) {
	var c ledger.Commitment
	key, value := []byte("token/balance/0123456789abcdef"), make([]byte, 9)
	b.ReportAllocs()
	for b.Loop() {
		c.Add(key, value)
	}
}

func BenchmarkMerkle(b *testing.B) {
	leaves := make([][]byte, 10_000)
	for i := range leaves {
		leaves[i] = make([]byte, 250)
		binary.BigEndian.PutUint64(leaves[i], uint64(i))
	}
	b.Run("root of 10000 leaves of 250 bytes", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ledger.MerkleRoot(leaves)
		}
	})
	b.Run("path in 10000 leaves of 250 bytes", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ledger.MerklePath(leaves, 4711)
		}
	})
}
