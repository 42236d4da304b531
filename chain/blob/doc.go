// Package blob is what the chain and its users ask of content storage: models,
// updates and documents, named by the SHA-256 of their bytes.
//
// What enters is streams of bounded length, whole or in resumable parts; what
// leaves is random access to content that is what its name says. Drivers stand
// in folders below; each passes the suite in blobtest.
//
// Invariants, cited elsewhere by number:
//
//  1. Bytes that a [Blob] returns without an error belong to content with that
//     digest. A driver checks at every read, and says [ErrCorrupt] otherwise.
//  2. Content is there whole, under its digest, or not at all.
//  3. What Put, PutDigest, Append and Finish acknowledged is durable.
//  4. Nothing longer than the caller's limit is kept.
package blob
