// Package card makes the model card of a finished job.
//
// What enters: the ledger's rows of a job all of whose rounds are final. What
// leaves: a [Card], and its bytes.
//
// Invariants:
//
//  1. The bytes are a function of those rows, so that whoever has the ledger can
//     make the card again: CloseJob alone is one node's word on its digest.
//  2. None of the rows changes once the last round is final; when and by whom
//     the job is closed does not show.
//  3. Numbers that peers claim are called claims.
package card
