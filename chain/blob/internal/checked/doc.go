// Package checked makes reads of a blob checked ones, for the drivers of package
// blob.
//
// What enters is a blob's bytes, once, while its SHA-256 is computed, and later
// a driver's reads of any part of them; what leaves is bytes that are what they
// were then, or [blob.ErrCorrupt]. A sum covers [ChunkSize] bytes and is keyed
// by a seed that leaves the process never, so nobody can make other bytes for
// it.
//
// Invariants:
//
//  1. ReadAt returns no byte whose chunk was not compared with its sum.
//  2. Sums of one seed are never compared with those of another.
package checked
