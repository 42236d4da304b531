// Package contract is the ledger contract of federated learning: jobs, terms,
// rounds, updates and attestations. Every step of a job is one of its methods.
//
// What enters: signed calls, bound by [New]'s methods to the rows they touch.
// What leaves: rows under "fl/", read with the Load functions, and an event a
// step. Digests, numbers of examples and metrics stand here; weights and data
// never do.
//
// Life of a job: CreateJob → waiting; TakeTerm makes a node its coordinator,
// RenewTerm keeps it, GiveUpTerm frees it; OpenRound → running; peers send
// SubmitUpdate or DeclineUpdate; CloseRound fixes the set of updates or finds
// the round void; CommitRound names the result; each node sends AttestRound,
// and where no quorum agrees the term passes on, by their words or by
// ExpireCommit; CloseJob or CancelJob ends it.
//
// Invariants, cited elsewhere as fl/contract(n):
//
//  1. A terminal job changes no more: only attestations of its last round's
//     commits are still recorded, and count for nothing.
//  2. Only the holder of a job's newest term may open, close and commit its
//     rounds, and only in that term. At most one commit of a round stands.
//  3. A round's cohort, input model and attesting group are fixed when it
//     opens, its set of updates when it closes. None of them changes
//     afterwards, whoever commits over them; nor does a commit.
//  4. A round is final exactly if ⌊2n/3⌋+1 of its group's n nodes stated the
//     same (round, term, set, weights, model). Its commit is outvoted as soon
//     as that has become impossible; the commit's term is lost then, or at
//     attest_timeout_s, and the round closed again over the same set.
//  5. Deadlines are compared with log time; what comes before its time ends
//     with CodeTooEarly and may be repeated.
//  6. Who was outvoted takes no further term of the job. Where max_terms terms
//     were lost over a round, or every node of the group was outvoted, round
//     and job end as failed.
//  7. No row that grows with the cohort is written more than once a round: an
//     update has a row of its own, the round's row holds counters.
package contract
