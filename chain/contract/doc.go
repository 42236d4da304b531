// Package contract says what a contract is: named methods, each of which
// declares the state keys it touches before it runs.
//
// What enters is a [Call], decoded from a transaction whose signature and
// standing the executor has checked; what leaves is an [Action]: the keys it
// reads and writes, and a function over an [Env] that reads the state, writes
// it and emits events, or ends with an [Error] whose code stands in the result
// leaf.
//
// Invariants:
//
//  1. A footprint is a pure function of the call: it depends on nothing else,
//     so that every node derives the same one before execution.
//  2. Touching a key outside the footprint fails the transaction with
//     [CodeOutsideFootprint], on every node alike.
//  3. A transaction that fails leaves no writes and no events.
//  4. An error that is not an [Error] is no result: the node stops, since it
//     could not read its own state.
//
// The built-in contracts stand in folders below; federated learning brings its
// own in fl/contract.
package contract
