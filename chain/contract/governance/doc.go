// Package governance is the built-in contract that holds what all nodes must
// agree on beside the accounts: organisations, the group that signs blocks,
// and the limits of blocks.
//
// What enters is the genesis file; what leaves is the rows from which the
// executor takes group and limits, so that nothing it depends on stands in a
// node's own configuration.
//
// Invariants:
//
//  1. The group row is the group that signs the next block.
//  2. Every organisation of a group node has a row.
package governance
