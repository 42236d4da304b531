//go:build !linux

package host

import "errors"

// Disk returns the space of the file system that holds a path.
func Disk(string) (Space, error) { return Space{}, errors.ErrUnsupported }

// OpenFiles returns how many files a process that this user starts may have
// open.
func OpenFiles() (uint64, error) { return 0, errors.ErrUnsupported }

// Writable is not known here: whoever writes finds out.
func Writable(string) error { return nil }
