package bearer_test

import (
	"fmt"
	"os"
	"time"

	"github.com/librum/librum/api/bearer"
	"github.com/librum/librum/chain/ledger"
)

// Keeps a token that only reads, and finds it by its secret.
func Example() {
	dir, err := os.MkdirTemp("", "tokens")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	store, err := bearer.Open(dir, time.Now)
	if err != nil {
		fmt.Println(err)
		return
	}
	secret := bearer.Secret([32]byte{1, 2, 3}) // drawn, outside of examples
	token := bearer.Token{ID: ledger.ID{7}, Member: ledger.ID{8}, Created: time.Now(), Expiry: time.Now().Add(time.Hour)}
	if err := store.Put(token, secret); err != nil {
		fmt.Println(err)
		return
	}
	found, ok := store.Find(secret)
	fmt.Println(found.ID, ok, found.ReadOnly())
	// Output: 07000000000000000000000000000000 true true
}
