package pebble_test

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
)

func Example() {
	s, err := pebble.Open("store", pebble.Options{FS: vfs.NewMem(), Chain: ledger.Hash([]byte("genesis")), Node: ledger.ID{1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	genesis := &store.Commit{
		Writes:     []ledger.Write{{Key: []byte("token/balance/a"), Value: []byte("100")}},
		Commitment: new(ledger.Commitment).Bytes(),
	}
	fmt.Println(s.Apply(context.Background(), genesis))
	value, ok, err := s.Get(context.Background(), 0, []byte("token/balance/a"))
	fmt.Printf("%s %t %v\n", value, ok, err)
	fmt.Println(s.Close())
	// Output:
	// <nil>
	// 100 true <nil>
	// <nil>
}
