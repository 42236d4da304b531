// Package evidence packs what shows how a job went into one file, and checks
// such a file with nothing else at hand but the genesis digest.
//
// What enters: blocks that were executed again and found right, and the files
// that verification of the job reads. What leaves is the file; or, of somebody's
// file, the rows of the job that it proves, its files, and what is known and not
// known about them.
//
// # The file
//
// Numbers are big-endian, everything else is deterministic CBOR.
//
//	"librumev" | version u32 | length u32, head | for each block: length u32, block | contents | SHA-256
//
// The head ([Head]) has the genesis file, the job, the heights, the handovers of
// groups up to the last one, and digest and size of each content. A block
// ([Block]) has a header, signatures, all results of the block, and of the job's
// transactions also the signed bytes and what they wrote. The contents, models,
// the card and updates, follow each other without gaps. The last 32 bytes are
// the SHA-256 of all before.
//
// Invariants:
//
//  1. Nothing is believed but the genesis digest that the caller compares. The
//     headers follow each other, a quorum signed the last, each by the group of
//     its epoch; all results of a block are under its root; a transaction's id,
//     and the digest of what it wrote, stand in its result.
//  2. No transaction that took effect on the job between its creation and the
//     last block is left out: its result names the job and is there. What has no
//     event is not shown to be complete: transactions that were refused, and
//     renewals of a term, on which nothing rests that is verified here.
//  3. Nothing is executed again: that a transaction wrote what its result says is
//     the word of the quorum. Whoever wants more verifies the chain.
//  4. A file has one form: each byte is checked, by what it says or by the sum at
//     the end, and contents that the job does not name are refused.
//  5. Memory is bounded by the largest block and the rows of the job; contents
//     are read where they are.
package evidence
