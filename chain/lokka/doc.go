// Package lokka groups the executed log into blocks: it cuts them, has their
// headers signed, collects the signatures of the other nodes and says what is
// final. It is a pure state machine in the manner of etcd's raft.RawNode: no
// I/O, no clock, no goroutine, no randomness. A shell steps it and does what
// [Machine.Ready] says.
//
// What enters: executed records in log order ([Machine.Add]), the word that a
// block is stored ([Machine.Applied]) and its signature too ([Machine.Signed]),
// signatures of other nodes, unverified ([Machine.Receive]), and the time
// ([Machine.Tick]). What leaves: blocks and headers ([Machine.Cut]) and a
// [Ready]: headers to sign, signatures to send and to keep, a marker to append,
// signatures to ask for, what became final, and evidence.
//
// Invariants, cited elsewhere by number:
//
//  1. Where a block ends follows from the log alone: after the record at which
//     its transactions reach Limits.BlockTransactions or, while it holds one,
//     its envelopes reach Limits.BlockBytes; or after a marker that names its
//     height while it holds a transaction. Never inside a record. Clocks,
//     wakes, markers and skipped records alone make no block, save one case:
//     an open block whose envelopes and results near what a stored block may
//     hold ends there whatever is in it, because a block that can't be read back would stop
//     the chain.
//  2. A block holds all records since the last cut. First is the position of
//     its first record, index 0. Last is that of its last record: the index of
//     the record's last transaction, 0 where it has none or was skipped. Roots
//     over nothing are RFC 6962's, the hash of the empty string.
//  3. The clock decides only whether this node appends a marker, never where a
//     block ends.
//  4. A header is offered for signing once its block is stored, and sent once
//     the signature is stored. One header is signed per height for ever, also
//     after a restart: what [Machine.Restore] finds signed is sent again, never
//     signed again.
//  5. ⌊2n/3⌋+1 valid signatures of a height's group over the header that this
//     node computed make it final. Finality is monotone and cumulative: a
//     header holds the hash of the one before, so a quorum at h speaks for all
//     below, but for the end of an epoch: the block that hands over to another
//     group needs the quorum of its own. The missing signatures of lower heights are still collected, so
//     that a proof of each block can stand by itself.
//  6. A quorum over another header than one's own is a divergence: the machine
//     never signs again, and follows the log still.
//  7. What others send is bounded: signatures of heights not reached yet are
//     kept up to 256 heights ahead and two a node and height; a node brings up
//     at most two foreign headers a height.
//  8. Who is suspended ([Machine.Suspend]) counts in n and nowhere else: its
//     signatures make no quorum, and it signs nothing itself.
//
// A signature covers the whole header, so one over a foreign header can't be
// checked until that header is known. It is kept as a claim, its node is asked
// for what it knows of the height ([Ready].Pull), and the answer
// ([Machine.ReceiveAnswer]) brings the header.
package lokka
