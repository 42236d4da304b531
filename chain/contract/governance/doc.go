// Package governance is the built-in contract that holds what all nodes must
// agree on beside the accounts: organisations, certificate authorities, the
// group that signs blocks, limits, protocol version, and the proposals by which
// organisations change them.
//
// What enters is the genesis file, calls of officers, from anyone the evidence
// that a node signed two headers of one height, and the end of each block; what
// leaves is the rows from which the executor takes group, limits, rules and who
// may act, so that nothing it depends on stands in a node's own configuration.
//
// Invariants:
//
//  1. The group row is the group that signs the next block. It changes between
//     two blocks alone, and then its epoch goes up by one and gets a row.
//  2. Every organisation of a group node stands.
//  3. A node is suspended by two valid signatures of its own alone, by the key in
//     force at their height. It may send
//     no transaction from the next one on, by delegate keys neither, and its
//     signatures count for no header from the next block on; it still counts in
//     n, and its records are still executed. A proposal lifts it, and forgives
//     what lies below.
//  4. A proposal passes exactly where ⌊2n/3⌋+1 of the organisations that stand
//     have approved before its height and expiry, and its change is made once,
//     after the block before its height, unless as many withdrew it before. The
//     word of a replaced officer or removed organisation counts no more, for what
//     has passed and waits neither.
//  5. Nothing leaves a group that could not sign, nor ends one that could not
//     sign its last block: suspended nodes counted in n, the others are a quorum.
//  6. A change touches the rows it names and no others; one that is refused
//     leaves nothing behind.
package governance
