// Package nft is the built-in contract of unique tokens: collections that members
// create, with the functions and events of ERC-721, its metadata and its
// enumeration.
//
// What enters is signed calls; what leaves is a row for each token with its owner
// and where its object is, an index row by owner, counts, and events.
//
// Invariants:
//
//  1. A token has one owner. An owner's count, its index rows and the collection's
//     count tell the same as the tokens' rows, after every call.
//  2. A token moves by its owner, by who is approved for it, or by an operator of
//     the owner's. Moving it ends the approval.
//  3. Arguments name the owner, so that a footprint is a pure function of them; a
//     call that names another than the ledger does is refused.
//  4. No row is written by all mints or by all moves of a collection: lists are
//     read by prefix outside of execution, and the count stands in stripes.
//  5. A receiver's handler runs after the token is its own, within the footprint
//     that the receiver names, and ends the call where it fails.
//  6. Tokens go to nobody who may not act, and out of no such account.
//
// The object itself stands outside of the ledger; a token holds its SHA-256, media
// type and address, and whoever reads it checks the digest. The cases of the tests
// are those of OpenZeppelin's suites ERC721, ERC721Enumerable, ERC721Burnable and
// ERC721Pausable (ERC-721: https://eips.ethereum.org/EIPS/eip-721).
package nft
