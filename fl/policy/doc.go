// Package policy is the say of whoever owns the data: which jobs a peer trains
// for, how far it goes, and what it reveals.
//
// What enters: a policy file in YAML, and a [Request] about one round, taken
// from the proof of a task. What leaves: a [Decision] that names the rules by
// which the round is allowed or refused. The package is pure; time, what was
// done before and the number of rows are handed in.
//
// Invariants:
//
//  1. Nothing is allowed that the file does not allow: a creator or a model
//     that is not listed is refused, and both lists must be given.
//  2. Each field of the file has an effect; an unknown one is refused, and all
//     problems are reported at once.
//  3. A decision follows from policy and request alone, so that a dry run says
//     what the peer will do.
package policy
