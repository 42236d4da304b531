// Package file keeps hints in one file, for nodes that share a directory.
//
// What enters is the path; what leaves is a [registry.Registry]. The file is
// JSON that a person can read: a revision, and under each key its value, the
// revision of its last change, and until when it is held.
//
// Invariants:
//
//  1. A change is made under an exclusive lock on PATH.lock (flock, so it goes
//     with its process) and takes effect by renaming a whole file into place:
//     readers need no lock and see all of a change or nothing.
//  2. What is held carries the time until which it is, by the wall clock of
//     whoever holds it, and is renewed every third of its term. Past that it is
//     not there.
//  3. A watcher looks every [pollTime].
//
// Nothing is synced to the disk: a loss of power may take hints with it, which
// are written again.
package file
