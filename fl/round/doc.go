// Package round decides what a node does next for a job, as its coordinator,
// as a candidate for its next term and as an attester of its rounds.
//
// What enters: a [Snapshot] of the job's rows on the ledger at a log time, and
// the [Facts] that only this node knows. What leaves: the [Action]s that are
// due: transactions to submit, work to do, and the log time at which to ask
// again.
//
// Invariants, cited elsewhere as fl/round(n):
//
//  1. [Decide] is a pure function. A node that restarts asks it again with the
//     ledger as it is, and goes on where it was; there is no private state
//     that could be lost.
//  2. It is level-triggered: what is due is named on every call until the
//     ledger or the facts show that it is done. The shell leaves out actions
//     whose [Action.Key] is under way.
//  3. The contract accepts every transaction it names, unless the ledger has
//     moved on since the snapshot.
//  4. A deadline that passed while the node was down does not end a round or a
//     job at once: peers and other nodes were down with it, so they get a
//     while ([Grace]) from [Facts.Started] on.
//  5. Whatever befalls peers and nodes, a job does not stay where it is while
//     a quorum of nodes is up: each state is left by an answer or a deadline.
//  6. A node states of each commit once what it came to, of those that were
//     lost too: the ledger shows who agreed with whom.
package round
