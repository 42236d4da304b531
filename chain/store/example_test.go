package store_test

import (
	"errors"
	"fmt"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

func ExampleCommit_Check() {
	c := store.Commit{
		Writes:     []ledger.Write{{Key: []byte("b")}, {Key: []byte("a")}},
		Commitment: new(ledger.Commitment).Bytes(),
	}
	err := c.Check()
	fmt.Println(errors.Is(err, store.ErrBadCommit))
	fmt.Println(err)
	// Output:
	// true
	// commit 0: writes: key 1, "a", does not come after "b"
}
