// Package aplos is EXECUTE: it turns the records of the log, in their order,
// into results and writes.
//
// What enters is raw records with their offsets and the committed state below;
// what leaves is one [Executed] per record and, when a block is cut, a
// [Sealed] write set with the commitment to the state after it. Execution is a
// pure function of (state, record, log time): no clock, configuration,
// randomness or map order plays a part, so every node gets the same bytes.
//
// Invariants:
//
//  1. Nothing that a gateway checked is believed: form, chain, expiry, replay,
//     standing, signature and footprint are checked again at the record's
//     place in the log. That a signature holds under a key depends on neither
//     state nor place: it may have been found out before, by this node itself.
//  2. An id executes once. An id is burnt only under a valid signature, so
//     that nobody can burn another's.
//  3. A record that no node of the group signed changes nothing; it is kept
//     as its digest.
//  4. An error is never a result: it means that this node could not execute,
//     and the node stops.
//  5. Group, limits and rules change between two blocks alone, by the rows that
//     contracts left; a rule set that this binary lacks is an error.
//  6. A value handed out is not changed afterwards.
//  7. Transactions of a record may run at once; the outcome equals that of one
//     after the other, on any number of workers, whether rows were read ahead or not.
package aplos
