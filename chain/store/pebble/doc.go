// Package pebble keeps a node's store in a Pebble database: one batch, written
// to the write-ahead log and synced, per block.
//
// What enters is commits and signatures of package store; what leaves is rows,
// blocks and signatures. Heights are 8 bytes big-endian, ^height their
// complement, so that newer versions come first.
//
//	m                            owner: CBOR of version, chain, shard, node
//	a                            applied: CBOR
//	f                            the floor, and whether the store is being restored: CBOR
//	l key                        height of the last write, value
//	v key' 00 01 ^height         01 value, or 00 where the row was deleted
//	b height                     block
//	h height                     header
//	t id                         height, index (4 bytes) of each place, the first first; merged
//	                             by Pebble's concatenation, so that no write reads
//	s height node                header signature, CBOR
//
// key' is the key with each byte 00 written as 00 ff. With the end mark 00 01
// the versions of a key stand together, and keys stand in bytewise order
// whatever bytes they hold; a prefix of a key stays one.
//
// Invariants:
//
//  1. Each row of l equals the newest version of its key in v, or is missing
//     where that is a deletion. Both are written in one batch.
//  2. Rows of v, b, h and s are written once and never change; those of t grow.
//     Pruning takes rows away, and nothing else does. The row f is durable before
//     the first row is taken away, or restored.
//  3. Nothing of a height above the applied one is returned, except by Latest,
//     which is for the execution of the next block; no signature is returned
//     before it is durable. Pebble shows writes before they are synced.
//  4. The database format is pinned; opening never raises it behind the
//     operator's back.
//
// Damage to the write-ahead log is told from a torn tail only where a later
// 32 KiB block of it says that the damaged part was synced. Behind that, Pebble
// takes it for a torn tail and the store opens at an earlier height, whole; the
// node then executes the records of the ordered log from there again, with the
// same outcome. Tables carry a sum per block and are checked at every read.
//
// A failed write leaves Pebble unable to say what is durable, trying again
// without end, or panicking. So after the first change of the disk that fails
// nothing more reaches it, and the store serves nothing more
// ([store.ErrFailed]) until it is opened again; opening ends with the failure.
// What Pebble itself gives up on it reports through its logger's Fatalf, which
// must not return; here it panics, and the write under way recovers. Anywhere
// else that panic ends the process.
package pebble
