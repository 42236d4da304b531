// Package peer is a training participant: it polls for tasks, checks their
// proof, trains on its own data and submits what came out, signed by itself.
//
// What enters: tasks from a [Server], the rows of a data set that never leave.
// What leaves: updates as safetensors files, and signed transactions of the
// contract fl.
//
// Invariants:
//
//  1. Nothing is fetched, trained or signed for a task whose proof does not hold
//     from the genesis digest on: a refusal would take the peer out of a round
//     that asks it, at the word of whoever handed the task over.
//  2. Rows never leave; what leaves is the update, its number of rows, and
//     loss and accuracy over them.
//  3. A proven round that can't be done is declined with a reason, so that nobody
//     waits for it.
//  4. The owner of the data decides ([Consent]): what the policy refuses is
//     declined as "policy" before anything is fetched, and a pause ends the work
//     under way.
//  5. A file is listed durably ([Egress]) before its first byte leaves.
//  6. A call expires within the limits in force, as the node tells them: once, and
//     again where it refused one.
//  7. A peer changes its key between two tasks alone ([Config.Renewed]).
package peer
