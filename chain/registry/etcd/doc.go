// Package etcd keeps hints in etcd.
//
// What enters is endpoints and a prefix that all keys of a network share; what
// leaves is a [registry.Registry]. Revisions are etcd's own.
//
// Invariants:
//
//  1. A hold is a lease that etcd ends by its own clock; a renewed one is never
//     older than a third of its term.
//  2. A watch goes on from the revision of the list before it, so nothing
//     between the two is missed; where etcd has compacted that away, it lists
//     again.
//  3. No request waits for ever: each has a time-out.
package etcd
