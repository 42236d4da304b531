package storetest

import (
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// Topic is the topic of the suite's commits.
var Topic = ledger.ID{0x70}

// NewCommit returns a whole commit of that height with the given writes.
func NewCommit(height uint64, writes map[string]string) *store.Commit {
	c := &store.Commit{
		Height: height, NextOffset: 10 * height, Topic: Topic,
		LastRecord: ledger.Hash(fmt.Appendf(nil, "record %d", height)),
		Commitment: make([]byte, ledger.CommitmentSize),
	}
	c.Commitment[0], c.Commitment[ledger.CommitmentSize-1] = byte(height), 1
	if height > 0 {
		c.Header = fmt.Appendf(nil, "header %d", height)
		c.Block = fmt.Appendf(nil, "block %d", height)
		c.Transactions = []ledger.Digest{ledger.Hash(c.Block)}
	}
	for _, key := range slices.Sorted(maps.Keys(writes)) {
		c.Writes = append(c.Writes, ledger.Write{Key: []byte(key), Value: []byte(writes[key])})
	}
	return c
}

// DrawCommit draws a commit whose keys collide and hold awkward bytes.
func DrawCommit(rt *rapid.T, height uint64) *store.Commit {
	c := NewCommit(height, nil)
	keys := rapid.SliceOfNDistinct(DrawKey(), 0, 8, func(k string) string { return k }).Draw(rt, "keys")
	slices.Sort(keys)
	for _, key := range keys {
		w := ledger.Write{Key: []byte(key)}
		if w.Delete = rapid.IntRange(0, 3).Draw(rt, "delete") == 0; !w.Delete {
			w.Value = rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(rt, "value")
		}
		c.Writes = append(c.Writes, w)
	}
	if height > 0 {
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 12), 0, 5).Draw(rt, "transactions") {
			id := ledger.Digest{}
			if n > 0 { // 0 stays the id that is not indexed
				id = ledger.Hash([]byte{byte(n)})
			}
			c.Transactions = append(c.Transactions, id)
		}
	}
	return c
}

// DrawKey draws short keys of the bytes that an encoding may stumble over.
func DrawKey() *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 'a', 0xfe, 0xff}), 1, 4),
		func(b []byte) string { return string(b) })
}
