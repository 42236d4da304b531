// Package durable writes files and directories that outlive a loss of power, and
// reads files that somebody else may have put there.
//
// What enters is a file system and paths; what leaves is directories whose
// entries are synced, and the bounded content of regular files. On POSIX a new
// name is durable only once the directory that holds it was synced, not with the
// file behind it.
//
// Invariants:
//
//  1. When a function returns nil, what it did is still there after a crash.
//  2. An error names the directory or the file.
//  3. Reading waits for nobody and is bounded: a pipe, a socket, a device or a
//     directory in the place of a file is refused once it is open, so that
//     nothing can be exchanged in between.
package durable
