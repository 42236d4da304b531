// Command cometbft is a chain of CometBFT 0.38 with the work of Librum's: signed
// transfers between accounts, the same bytes, checked by the same library, the
// balances in Pebble. tools/bench-peers.sh measures it beside Librum. It is a
// module of its own, so that nothing of CometBFT stands in the project's go.mod.
//
// What enters is signed transfers, by CometBFT's own interface or by a door that
// hands them to its mempool directly and answers once they are executed; what
// leaves is what the validators' processes used for them.
//
// Invariants:
//
//  1. Every validator checks every signature itself, once: as transactions come
//     or, which is cheaper, the transactions of a block in one batch.
//  2. A block's writes are one synced batch of Pebble at Commit.
//  3. The application does less than Librum's ledger, never more: no roles, no
//     commitment over the state, amounts of 64 bits.
//  4. Only the validators' processor time counts, the load's does not.
package main
