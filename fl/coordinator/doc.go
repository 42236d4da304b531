// Package coordinator runs federated jobs at one node: it follows the jobs on
// the ledger, does what fl/round decides is due, hands tasks to peers and
// vouches for their uploads.
//
// What enters: the ledger through [Ledger], updates through the blob store,
// polls of peers. What leaves: transactions of the contract fl in the node's
// own name, models and cards in the blob store, tasks with their proofs,
// receipts.
//
// Invariants:
//
//  1. There is no private durable state: after a restart all follows again
//     from ledger and blobs (fl/round(1)).
//  2. A receipt is signed only for bytes that are durable here and whose
//     digest was checked.
//  3. A node attests only what it computed itself from bytes it holds.
//  4. Every wait ends: with the context, with an event of the job, or with a
//     time-out. A job at rest costs nothing while other jobs are busy.
//  5. What fails is tried again after growing rests, and ends nothing but
//     itself; once the job has ended, only so often.
package coordinator
