// Package durable makes changes to directories that outlive a loss of power.
//
// What enters is a file system and paths; what leaves is directories whose
// entries are synced. On POSIX a new name is durable only once the directory
// that holds it was synced, not with the file behind it.
//
// Invariants:
//
//  1. When a function returns nil, what it did is still there after a crash.
//  2. An error names the directory.
package durable
