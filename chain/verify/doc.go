// Package verify checks a stored chain without trusting who stored it: it
// executes every record again, from the genesis, through the contracts it is
// handed, and compares what comes out with what is stored.
//
// What enters is a store, or another [Source] of blocks and signatures, a
// genesis file and anchors kept elsewhere; what leaves is a [Report] that names
// the first thing that differs, and the state that execution led to, for
// whoever verifies more.
//
// Invariants:
//
//  1. Nothing stored is believed: blocks are read as untrusted bytes, roots,
//     results, state commitment and cuts are computed again, signatures are
//     checked. So is what a node answers from: the rows as of each height and
//     now, where a transaction is found, and where execution would go on. And
//     the other way round: the store keeps no row that execution does not
//     give. Not seen is the log's topic, which no block holds.
//  2. A quorum over a header, of its own epoch's group, counts for all before
//     it, since headers chain, but not past the end of an epoch that its own
//     group did not sign.
//     Blocks of which none has a quorum are incomplete, not right. The state
//     handed on is that after the newest block with a quorum.
//  3. Without an anchor a rewritten or shortened chain cannot be told from the
//     true one, and the report says so.
//  4. A store that was restored or pruned is verified from its floor on: the
//     state there must have the commitment of a header that a quorum signed to
//     which the genesis leads. The report names the floor; nothing below it was
//     looked at.
//  5. Wrong outranks incomplete, and incomplete right.
//
// The state is held in memory; where a store is verified, also about 100 bytes
// for each write and transaction of the chain's whole history.
package verify
