// Package v1 holds the types of the HTTP interface, as they stand on the wire.
//
// What enters and leaves is JSON: ids and digests as lower-case hexadecimal
// digits, positions as "offset.index", amounts as decimal strings, bytes as
// base64 (RFC 4648 §4), times as milliseconds since 1970 in log time. The
// package is pure; server and client share it and know nothing of each other.
//
// Invariants:
//
//  1. A field is never renamed or given another meaning under /v1; new ones
//     may be added, so readers ignore what they do not know.
//  2. What a client sends is read strictly: an unknown field is refused.
package v1
