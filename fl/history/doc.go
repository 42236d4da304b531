// Package history sums up what each peer did in the rounds of a job: how often it
// was asked, what came of its updates, how often it failed the round.
//
// What enters: the ledger's rows of a job, round by round. What leaves: a [Peer]
// for each that was asked.
//
// Invariants:
//
//  1. Sums are a function of rows, so whoever has the ledger comes to the same.
//     Sums over parts of the rounds add up to those over all.
//  2. A round counts by its newest attempt, whose answers alone the rows keep.
//  3. Each round that asked a peer counts once in Selected and once in exactly one of
//     Committed, Refused, Void, Declined, Late, Dropped and Pending.
//  4. Numbers of examples are what the peers claim.
package history
