// Package localnet runs a whole network in one process: a genesis made from a
// seed, the nodes of four organisations over one embedded log, and the
// directory they keep it in. The demo, the development server, benchmarks and
// tests stand on it.
//
// What enters is a directory and options; what leaves is running nodes and the
// keys of the members they were made for.
//
// A directory holds genesis.cbor, token, log, and for each node node-N with
// store, blobs, tokens, key and the key of its organisation's officer. Nothing but the log is shared between nodes.
//
// Invariants:
//
//  1. The same seed gives the same ids and keys; the genesis differs only in
//     its time.
//  2. A directory that another process uses is refused.
package localnet
