// Package token is the built-in contract of fungible tokens: the native one and
// those that members create, with the functions and events of ERC-20.
//
// What enters is the genesis distribution and signed calls; what leaves is a
// balance row per holder, allowances, supplies, and events. Arguments without a
// token are about the native one.
//
// Invariants:
//
//  1. The sum of a token's balances equals its supply, after every call. The
//     native token's is that of the genesis file: nobody holds a role in it.
//  2. A transfer touches the two balances it names and, where another moves them,
//     the allowance; a native one by a delegate key touches the allowance of that
//     key. So transfers between different accounts run in parallel.
//  3. A delegate key spends no more than its member allowed it, and of the native
//     token alone.
//  4. Created tokens go to nobody who may not act, and out of no such account; the
//     native token may be credited to one.
//
// The cases of the tests are those of OpenZeppelin's suites ERC20, ERC20Burnable,
// ERC20Capped and ERC20Pausable (ERC-20: https://eips.ethereum.org/EIPS/eip-20).
package token
