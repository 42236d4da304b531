// Package document turns final blocks into documents for search.
//
// What enters is a block and the states before and after it; what leaves is
// documents: one for the block, one for each transaction and event, and one for
// each account, identity, job, round, update and model that the block touched,
// as it stands after it. The package is pure.
//
// Invariants, cited elsewhere by number:
//
//  1. Documents are a pure function of blocks and states: two indexers that
//     began at the same height hold the same documents.
//  2. A document's key and height name its version. Of two with one key the
//     one of the greater height is the newer; a block, a transaction and an
//     event never change.
//  3. A transaction is known by its place on the log, not by its id: a replay
//     that was refused has the id of what it repeats, and hides nothing.
//  4. Every field is in the [Schema] with its type, and holds a value of it.
//     Numbers beyond 2^63-1 and times beyond [MaxTime] are left out, never
//     wrapped.
//  5. Amounts are exact decimal strings. Whoever compares or adds them does so
//     in double precision ([Number]).
//  6. What strangers wrote is text and nothing else: bounded by [MaxTextBytes],
//     and found by its [Words].
//  7. Who may see a document is said by its fields owner, organisation, job and
//     public; a document that says nothing is for auditors.
//  8. A new contract adds one file: its [Contract], named in [Contracts].
package document
