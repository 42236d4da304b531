// Package asset is what every issued asset has in common, be it a fungible token
// or a collection of unique ones: its id, the roles that members hold in it, and
// whether it is paused.
//
// What enters is calls of grantRole, revokeRole, renounceRole, pause and unpause
// of the contract that issues the asset; what leaves is a row for each role that
// an account holds, a row while the asset is paused, and events.
//
// Invariants:
//
//  1. Only who holds the role admin of an asset gives its roles or takes them;
//     anybody gives up its own. An asset without an admin never has one again.
//  2. Only who holds the role pauser stops an asset and lets it go on.
//  3. Nothing here is signed by a delegate key.
//
// The roles and their rules follow AccessControl and Pausable of OpenZeppelin's
// contracts.
package asset
