package durable_test

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/internal/durable"
)

func Example() {
	fs := vfs.NewMem()
	if err := durable.MakeDir(fs, "node-0/store"); err != nil {
		fmt.Println(err)
		return
	}
	info, err := fs.Stat("node-0/store")
	fmt.Println(info.IsDir(), err)
	// Output: true <nil>
}
