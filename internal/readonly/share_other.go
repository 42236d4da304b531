//go:build !linux

package readonly

import (
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// share takes an exclusive lock, for want of another here.
func share(name string) (io.Closer, error) { return vfs.Default.Lock(name) }
