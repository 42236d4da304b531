// Package doctor looks for what keeps a network from working well, or soon
// will: clocks, space, rights, certificates, what a directory says of its last
// stop, how far nodes are behind.
//
// What enters is a directory, or a client of a running node; what leaves is a
// list of checks, each with what to do about it.
//
// Invariants:
//
//  1. Nothing is changed, and no secret is shown.
//  2. What could not be looked at is unknown, never fine.
package doctor
