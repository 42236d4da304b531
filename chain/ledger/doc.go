// Package ledger holds the data types of the chain and their bytes: signed
// transactions, log records, results, headers, blocks and the genesis file,
// with the hashes and Merkle trees that bind them.
//
// What enters is bytes from outside or values from other packages; what leaves
// is the one canonical encoding of a value, its digest, or a [MalformedError]
// that names the field. The package is pure: no I/O, no clock, no randomness.
//
// Invariants, cited elsewhere by number:
//
//  1. One value has one encoding: deterministic CBOR (RFC 8949 §4.2). Bytes
//     that differ from their own re-encoding are malformed. A nil slice is
//     written as the empty one, and no format of this package holds a null.
//  2. Every signature covers a COSE Sig_structure (RFC 9052 §4.4) whose
//     external_aad names the kind of message, so that a signature over one
//     kind never counts for another.
//  3. The id of a transaction is the SHA-256 of its Sig_structure. The
//     signature is not part of it: a transaction signed twice is one
//     transaction.
//  4. All formats carry version, chain and shard; those that outlive a group
//     carry the epoch too.
//  5. The group of an epoch follows from the genesis and the handovers of the
//     epochs before, each signed by a quorum of its own epoch's group.
//  6. Times are milliseconds since the Unix epoch, UTC.
package ledger
