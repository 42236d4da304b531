// Package host asks the operating system what it has left.
//
// What enters is a path, or nothing; what leaves is a number of bytes, of file
// entries, or of files that may be open. Where the system cannot say, the error
// is [errors.ErrUnsupported].
//
// Invariants:
//
//  1. Nothing is changed.
package host
