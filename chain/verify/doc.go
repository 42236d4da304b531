// Package verify checks a stored chain without trusting who stored it: it
// executes every record again, from the genesis, through the contracts it is
// handed, and compares what comes out with what is stored.
//
// What enters is a store, a genesis file and anchors kept elsewhere; what
// leaves is a [Report] that names the first thing that differs, and the state
// that execution led to, for whoever verifies more.
//
// Invariants:
//
//  1. Nothing stored is believed: blocks are read as untrusted bytes, roots,
//     results, state commitment and cuts are computed again, signatures are
//     checked.
//  2. A quorum over a header counts for all before it, since headers chain.
//  3. Without an anchor a rewritten or shortened chain cannot be told from the
//     true one, and the report says so.
package verify
