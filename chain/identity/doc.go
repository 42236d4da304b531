// Package identity holds keys, signatures and the names of roles.
//
// What enters is key material and messages; what leaves is signatures and
// verdicts over them. The package is pure but for the caller's source of
// randomness.
//
// Invariants:
//
//  1. A signature is valid by ZIP-215 everywhere, single or batched, so that
//     no two nodes can disagree about one.
//  2. Keys of small order and keys whose encoding is not canonical are refused
//     at enrolment, since a signature under them may hold for any message.
//  3. Private keys are never printed: their String method says so.
package identity
