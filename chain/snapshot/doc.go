// Package snapshot writes the state of a shard after a block into a file, and
// fills an empty store from one.
//
// What enters is a store, or bytes that anybody may have made; what leaves is
// bytes, or a store that a node goes on from. A snapshot is believed for one
// reason: its header is signed by a quorum of a group that the genesis leads to,
// and its rows have the commitment that the header names. The file:
//
//	"librum snapshot 1\n"
//	frames: kind (1 byte), length of the payload (4 bytes, big-endian), payload,
//	        SHA-256 over the hash of the frame before (zeros for the first),
//	        kind, length and payload
//
//	kind 1  once, first         head: CBOR of version, chain, shard, topic, header, its signatures
//	kind 2  any number          a part of the groups' trail ([ledger.GroupTrail])
//	kind 3  once                the block, [ledger.Block]
//	kind 4  any number          rows: CBOR of a list of (key, value), keys ascending over all frames
//	kind 5  once, last          end: CBOR of the number of rows
//
// Invariants:
//
//  1. Nothing is kept in memory but one frame, the groups and the block; each
//     frame is bounded before it is read.
//  2. A store is written only after the whole file was found right, and the
//     file is checked again while it is read for writing.
//  3. The header's quorum is counted by the group that the trail leads to from
//     the genesis; the trail ends with the epoch of the header.
//  4. Position and last record follow from the block, which the header binds.
//     The topic is a claim: a node refuses a log that is another.
//  5. The same store and height give the same bytes, and so do other nodes' as
//     far as they hold the same signatures.
package snapshot
