// Package bearer keeps the bearer tokens of a node: whose they are, until when,
// and the delegate key that the node holds for each.
//
// What enters is tokens to keep and secrets to look up; what leaves is the
// token that a secret stands for. Whether its member may still act, and whether
// the ledger lists its key, is asked elsewhere at every request.
//
// Invariants:
//
//  1. Of a secret its SHA-256 is kept and nothing else; it is told once.
//  2. A token is a file of mode 0600, there whole and durably before its secret
//     is told. A revoked one is gone durably before that is answered.
//  3. A request for a token counts once, over restarts too, as long as it has
//     not expired.
//  4. Numbers are bounded, for the node and for each member, of tokens and of
//     requests that are remembered. Tokens that only
//     read make room for newer ones of their member; others are never dropped
//     before they expire.
package bearer
