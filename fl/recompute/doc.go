// Package recompute comes to the result of a round from its updates: it checks
// each, leaves out those that may take no part, and averages the rest.
//
// What enters: a job's spec, the updates of a closed set as the ledger names
// them, and the files by digest. What leaves: the refusals with their reasons
// and the average as a canonical safetensors file. The coordinator that
// commits, the nodes that attest and the verifier afterwards all use it, so
// that they can differ only where the bytes do.
//
// Invariants:
//
//  1. The result is a function of spec, updates and bytes: aggregator(1) and
//     aggregator(3).
//  2. A file that can't be read is an error, never a refusal: only the ledger
//     says that an update counts as unavailable.
package recompute
