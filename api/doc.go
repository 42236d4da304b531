// Package api is the only door in: the HTTP interface of a node, OpenAPI 3.1
// at /openapi.json, one file a resource.
//
// What enters is requests of strangers and holders of bearer tokens; what
// leaves is JSON of api/v1, content by digest, server-sent events, and problem
// details (RFC 9457) whose types are those of [Problems]. What is asked is done
// by chain/node, fl/coordinator and the blob store; nothing is decided here.
//
// Invariants:
//
//  1. All but health, readiness, the OpenAPI document and signed requests for
//     tokens need a token. At each request its member must be in standing, and
//     the ledger must list its key where it has one. Tokens are kept as hashes.
//     While the store is away, which has nothing executed and can't be asked, who
//     was let in not long ago sees metrics and status, and nobody anything else.
//  2. Every request has a bound on its header, its body and the time it may
//     take; a transfer may take as long as it moves on, an upload's part no
//     slower than [Limits] says, a wait is bounded by them. Uploads, streams
//     and waits for tasks are bounded in number, each by itself. Of complete
//     uploads a peer has one a round; what the ledger names is never dropped.
//  3. Every answer carries [v1.PositionHeader]: the answer holds all that the
//     log said before that offset.
//  4. An error shows its problem and no more: what went wrong inside is logged
//     and not told.
//  5. The node signs for a token's member with the delegate key of that token
//     and no other, and only what the ledger lists for it.
//  6. Administrative acts are in the audit log before they are answered.
//  7. What each member asks and moves is bounded over time, and what strangers of
//     one address ask; memory for that is bounded too.
//  8. Who may ask what is [AccessTable]; an operation that stands in no row of it
//     does not start.
package api
