package local_test

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/order/local"
)

func Example() {
	ctx := context.Background()
	l, err := local.Open(ctx, vfs.NewMem(), "log", local.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	offset, err := l.Append(ctx, []byte("a signed record"))
	fmt.Println(offset, err)
	entries, err := l.Read(ctx, 0, 1<<20)
	fmt.Printf("%s %v\n", entries[0].Bytes, err)
	fmt.Println(l.Close())
	// Output:
	// 0 <nil>
	// a signed record <nil>
	// <nil>
}
