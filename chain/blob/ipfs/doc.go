// Package ipfs keeps blobs in a kubo node, through its HTTP RPC.
//
// What enters is content; what leaves is content checked against its SHA-256.
// The digest is the name; the CID is an address beside it, whose chunking is
// fixed: CIDv1, raw leaves, chunks of 1 MiB, a balanced tree of 174 links a node
// ([CID] computes it without kubo). Names stand in kubo's own file tree (MFS),
// so this package keeps nothing:
//
//	ROOT/blobs/DD/DIGEST      the content of that digest; DD are its first two digits
//	ROOT/partial/ID           an unfinished upload
//
// Invariants:
//
//  1. A blob is pinned, recursively, before it has its name, and is unpinned
//     after it lost it.
//  2. kubo is not believed: content is read and its SHA-256 computed when it is
//     first opened here, and each later read is compared with sums from then.
//  3. Get, Has and reads never leave this node; [Store.Fetch] alone asks the
//     others, by CID.
//  4. No request waits for ever: short ones have a time-out, streams end when
//     nothing moves for that long.
//
// An open blob can be read on after Delete until kubo collects its garbage; then
// a read fails. Blocks that kubo has lost or that changed on its disk make a blob
// missing or corrupt; Delete, a collection of garbage (ipfs repo gc), and Put
// mend it.
package ipfs
