// Package indexer keeps an index up to date with the final blocks of a node.
//
// What enters is final blocks and states, read from the node's store; what
// leaves is documents in an index. It runs in a goroutine of its own beside the
// node, asks for one stretch of blocks at a time and holds no more than that: a
// slow index falls behind, and never slows the chain.
//
// Invariants, cited elsewhere by number:
//
//  1. The index holds what final blocks said up to its checkpoint, and nothing
//     else.
//  2. The index is never believed: where its checkpoint names another chain, a
//     height that the node does not have, or another hash there, it is emptied
//     and built again from the lowest height that the node keeps. So is one that
//     is lost while the node runs, also where no block comes.
//  3. An error of index or store ends nothing: it is logged, told by [Status],
//     and tried again.
//  4. With a retention, documents of what happened more blocks ago are taken
//     out; what stands in the state is kept.
package indexer
