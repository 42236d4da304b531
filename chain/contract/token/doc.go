// Package token is the built-in contract of the native token: balances and
// transfers.
//
// What enters is the genesis distribution and signed transfers; what leaves is
// a balance row per account and a transfer event.
//
// Invariants:
//
//  1. The sum of all balances equals the supply of the genesis file.
//  2. A transfer touches the two balances it names, and where a delegate key
//     signed it the allowance of that key, and no other row.
//  3. A delegate key spends no more than its member allowed it.
package token
