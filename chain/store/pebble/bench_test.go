package pebble_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/chain/store/storetest"
)

func accountKey(i uint64) []byte { return fmt.Appendf(nil, "token/balance/%032x", i%10_000) }

// transferCommit is a block of n transfers over 10,000 accounts, 250 bytes each.
func transferCommit(height uint64, n int) *store.Commit {
	c := storetest.NewCommit(height, nil)
	c.Block = make([]byte, 300*n)
	c.Transactions = nil
	rows := map[string]bool{}
	for i := range n {
		var seed [16]byte
		binary.BigEndian.PutUint64(seed[:], height)
		binary.BigEndian.PutUint64(seed[8:], uint64(i))
		id := sha256.Sum256(seed[:])
		copy(c.Block[300*i:], id[:])
		c.Transactions = append(c.Transactions, id)
		rows[string(accountKey(binary.BigEndian.Uint64(id[:])))] = true
		rows[string(accountKey(binary.BigEndian.Uint64(id[8:])))] = true
	}
	for key := range rows {
		c.Writes = append(c.Writes, ledger.Write{Key: []byte(key), Value: make([]byte, 40)})
	}
	slices.SortFunc(c.Writes, func(a, b ledger.Write) int { return slices.Compare(a.Key, b.Key) })
	return c
}

func BenchmarkApply(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("transfers=%d", n), func(b *testing.B) {
			s := open(b, b.TempDir(), pebble.Options{})
			apply(b, s, transferCommit(0, 0))
			height := uint64(0)
			for b.Loop() {
				b.StopTimer()
				height++
				c := transferCommit(height, n)
				b.StartTimer()
				apply(b, s, c)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/transfer")
		})
	}
}

func apply(b *testing.B, s store.Store, c *store.Commit) {
	b.Helper()
	if c.Height == 0 {
		c.Block, c.Header = nil, nil
	}
	if err := s.Apply(b.Context(), c); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRead reads rows of 10,000 accounts after 200 blocks.
func BenchmarkRead(b *testing.B) {
	s := open(b, b.TempDir(), pebble.Options{})
	for height := range uint64(200) {
		c := transferCommit(height, 200)
		if height == 0 {
			c.Transactions = nil
		}
		apply(b, s, c)
	}
	for name, read := range map[string]func(key []byte) error{
		"latest":  func(key []byte) error { _, _, err := s.Latest(b.Context(), key); return err },
		"newest":  func(key []byte) error { _, _, err := s.Get(b.Context(), 199, key); return err },
		"history": func(key []byte) error { _, _, err := s.Get(b.Context(), 50, key); return err },
		"scan100": func(key []byte) error {
			_, err := s.Scan(b.Context(), 50, []byte("token/balance/"), key, 100)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			for i := uint64(0); b.Loop(); i++ {
				if err := read(accountKey(i * 7919)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
