package readonly_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/internal/readonly"
)

func ExampleFS() {
	fs := readonly.FS(vfs.NewMem())
	_, err := fs.Create("new", vfs.WriteCategoryUnspecified)
	fmt.Println(errors.Is(err, os.ErrPermission))
	// Output: true
}
