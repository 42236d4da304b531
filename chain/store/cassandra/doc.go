// Package cassandra keeps a node's store in a keyspace of Cassandra.
//
// What enters is commits and signatures of package store; what leaves is rows,
// blocks and signatures. Each table has one column beside its key, so that a row
// is one cell and never mixes two writes:
//
//	meta        (name)                   "schema", "owner", "applied", "floor", claims
//	staged      (slot, part)             the commit under way, in parts, 64 a slot; part -1 is its head
//	latest      (bucket, key)            height of the last write, whether it deleted, value
//	versions    (key, era, height)       whether it deleted, value; newest first
//	eras        (key, era)               in which eras the key was written; newest first
//	blocks      (height, part)           a block in parts
//	headers     (era, height)
//	places      (id, height, place)      of a transaction, the first first
//	signatures  (era, height, node)
//
// bucket is a hash of the key modulo the number that the keyspace was made with:
// a scan reads all buckets and merges them. era is the height divided by
// [eraHeights], so that the history of a hot row does not grow into one
// partition. How large partitions may become is in docs/store.md.
//
// Invariants:
//
//  1. A commit is written in three steps, each at quorum before the next: its
//     parts and then the head that names their number and digest; its rows, in
//     any order; the row "applied". Until the head is there nothing else was
//     written; from then on opening the store finishes it. So a commit is one
//     unit though Cassandra has none.
//  2. Every write carries the position of its commit (its next offset + 1) as
//     its timestamp, one write a row a commit. Doing it again changes nothing, a
//     late one never wins over a newer one, and no clock decides. Signatures
//     carry their height and are never written twice. A row of eras is left out
//     where an earlier block of the same life wrote it: it says the same. What
//     pruning deletes carries the position of the newest commit. It deletes the
//     newest era of a key only with all else of a row that stays deleted, between
//     two commits. There is no lightweight transaction, no TTL, no batch.
//  3. Nothing of a height above the applied one is returned, except by Latest.
//  4. A keyspace belongs to one chain, shard, node and log and is refused
//     otherwise. Of nodes that find the same new one at once, at most one gets it,
//     and none writes anything but its claim before that.
//  5. A keyspace that could lose acknowledged writes in a crash of one node is
//     refused ([ErrUnsafeKeyspace]): fewer than three copies need a commit log
//     that is synced before the answer.
//  6. Only what may be repeated is repeated, and all statements here may be.
//
// Two processes of one node on one keyspace are not kept apart: Cassandra has no
// lock that holds. They write the same rows; but of two different signatures of
// one height both may think that theirs is stored. Whoever runs nodes sees to it
// that a node's key is in one process.
package cassandra
