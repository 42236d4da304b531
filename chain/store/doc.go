// Package store is what a node asks of its storage: the state with its
// history, blocks, headers, transactions and header signatures of one shard.
//
// What enters is one [Commit] per block, and header signatures; what leaves is
// rows as of a height, blocks, and where execution stands. Drivers stand in
// folders below; each passes the suite in storetest.
//
// Invariants, cited elsewhere by number:
//
//  1. A commit is one unit: after a crash all of it is there or none.
//  2. Heights are consecutive from 0, which is the genesis state; each is
//     applied once.
//  3. A read at a height sees the state after that block, whatever was applied
//     since, for as long as the height is not below the floor. The floor never
//     goes back, and below it nothing is answered but headers and signatures.
//  4. What Apply or PutSignature acknowledged is durable.
//  5. For a height and a node there is one signature, for ever.
//  6. A store belongs to one chain, shard and node and opens for no other.
//  7. A store is restored wholly or is of no use; pruning that was cut short
//     shows nothing below the floor and is finished by the next.
//  8. [Store.Audit] leaves out nothing that any method may ever answer from.
package store
