// Package founding makes the genesis of a network out of the public parts of its
// organisations, none of which shows a key to another.
//
// What enters is a part of each organisation: ids, public keys and proofs that
// their holder has them; what leaves is a genesis whose digest everybody can
// compute again and compare.
//
// Invariants:
//
//  1. A part holds nothing secret. Its keys stay in the directory of the
//     organisation that made it.
//  2. A key without the proof that its holder has it is refused.
//  3. The same parts, name and time give the same bytes, in whatever order the
//     parts are named.
package founding
