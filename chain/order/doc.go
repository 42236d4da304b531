// Package order is what the chain asks of the ordered log: records go in from
// any node, and every node reads the same records in the same order.
//
// What enters is the bytes of signed records ([ledger.Record]); what leaves is
// [Entry] values with consecutive offsets. A log knows nothing of what its
// records mean and checks no signature. Drivers stand in folders below; each
// passes the suite in ordertest.
//
// Invariants, cited elsewhere by number:
//
//  1. Offsets are consecutive and start at 0. An offset, once read, always
//     holds the same bytes, or has been trimmed.
//  2. Append returns only when the record is durable. A record whose Append
//     failed, or was given up, may still turn up on the log, once.
//  3. A record that Append acknowledged is never lost: a log that can't give it
//     back says [ErrCorrupt] and never skips it.
//  4. Only acknowledged records are read while the log that took them is open.
//  5. A log that was made again is another topic.
package order
