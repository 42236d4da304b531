package blobtest_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob/blobtest"
	"github.com/librum/librum/chain/blob/file"
)

func ExampleCheck() {
	ctx := context.Background()
	s, err := file.Open(ctx, vfs.NewMem(), "blobs", file.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _, err = s.Put(ctx, strings.NewReader("a model"), 100)
	fmt.Println(err, blobtest.Check(ctx, s, []byte("a model")), blobtest.Check(ctx, s, []byte("another")) != nil, s.Close())
	// Output: <nil> <nil> true <nil>
}
