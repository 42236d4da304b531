// Package registry is where nodes leave hints for each other: addresses, the
// name of a shard's topic, who would take a term.
//
// What enters is small values under keys; what leaves is what stands there, now
// and after every change. Drivers stand in folders below; each passes the suite
// in registrytest.
//
// Invariants:
//
//  1. Hints only: nothing that execution, identity or groups depend on is read
//     from here. Who believes an address still checks who answers there.
//  2. Of those who put a key at one revision at once, one succeeds.
//  3. What is held goes, at the latest one term after its holder died.
//  4. A watcher sees the last state; states in between may be left out.
//  5. Keys, values and their number are bounded ([CheckKey], [MaxValueBytes],
//     [MaxEntries]).
package registry
