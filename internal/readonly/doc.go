// Package readonly gives a view of a file system in which nothing can be
// changed, not even a lock file.
//
// What enters is a file system; what leaves is one that refuses every write and
// whose locks are shared: as many readers as like hold one at once, and none
// does while a writer holds its own.
//
// Invariants:
//
//  1. No method changes a file, a directory or a time stamp but that of reading.
//  2. A directory without a lock file is one that nobody writes: the lock is
//     then held without one, so that copies and read-only media can be read.
//  3. Opening waits for nobody: what is neither a file nor a directory is refused
//     ([durable.ErrNotRegular]).
//
// On Linux the lock is an open file description lock of a file opened for
// reading. Elsewhere, and on a file system in memory, it is the file system's
// own, exclusive and in need of write access.
package readonly
