// Package identity is the built-in contract that holds members on the ledger:
// their organisation, roles, standing and keys, and the delegate keys that
// nodes hold for them.
//
// What enters is the genesis file, and transactions of officers, who enrol,
// renew, freeze and revoke members of their own organisation, and of members, who
// rotate their keys and delegate; what leaves is the rows that the executor and
// other contracts ask before they let a sender act.
//
// Invariants:
//
//  1. Who is not active, or has expired, can't transact.
//  2. A key counts only within its validity in log time, and for one member: a
//     row for each key that was ever enrolled says whose it is, and stays.
//  3. A delegate key signs for its member only the methods listed, until its
//     expiry, spends no more than its limit, and never signs for another.
//  4. An officer acts on its own organisation's members alone, and neither
//     makes nor touches officers and nodes. Revoked is for ever.
//  5. Rotation leaves no moment without a valid key.
//  6. A key becomes a member's only with its own signature over that, so that
//     nobody enrols a key that it does not hold (RFC 4211 §4 says why). That
//     of a delegate key is by the node that holds it.
//
// Names and reasons stand nowhere here: people are random ids, evidence is
// salted digests.
package identity
