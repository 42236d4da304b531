// Package governance is the built-in contract that holds what all nodes must
// agree on beside the accounts: organisations, the group that signs blocks,
// and the limits of blocks.
//
// What enters is the genesis file, and from anyone the evidence that a node
// signed two headers of one height; what leaves is the rows from which the
// executor takes group and limits, and who is suspended, so that nothing it depends on stands in a
// node's own configuration.
//
// Invariants:
//
//  1. The group row is the group that signs the next block.
//  2. Every organisation of a group node has a row.
//  3. A node is suspended by two valid signatures of its own alone. It may send
//     no transaction from the next one on, and its signatures count for no
//     header from the next block on; it still counts in n, its records are
//     still executed, and nothing in this contract lifts it.
package governance
