package ordertest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/order/local"
	"github.com/librum/librum/chain/order/ordertest"
)

func ExampleReadAll() {
	ctx := context.Background()
	l, err := local.Open(ctx, vfs.NewMem(), "log", local.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, errA := l.Append(ctx, []byte("a"))
	_, errB := l.Append(ctx, []byte("b"))
	all, err := ordertest.ReadAll(ctx, l, 0)
	fmt.Printf("%s %v\n", all, errors.Join(errA, errB, err, l.Close()))
	// Output: [a b] <nil>
}
