package keyfile_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
)

func Example() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "officer-key")
	key := identity.KeyFromSeed([32]byte{1})
	if err := keyfile.Write(path, key, "a long passphrase"); err != nil {
		fmt.Println(err)
		return
	}
	again, err := keyfile.Load(path, func(string) (string, error) { return "a long passphrase", nil })
	fmt.Println(again.ID() == key.ID(), err)
	// Output: true <nil>
}
