// Package identity is the built-in contract that holds members on the ledger:
// their organisation, roles, standing and keys, and the delegate keys that
// nodes hold for them.
//
// What enters is the genesis file; what leaves is the rows that the executor
// and other contracts ask before they let a sender act.
//
// Invariants:
//
//  1. Who is not active can't transact.
//  2. A key counts only within its validity in log time, and for one member.
//  3. A delegate key signs for its member only the methods listed, until its
//     expiry, and never for another.
package identity
