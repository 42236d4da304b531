// Package transport lets the nodes of different processes speak: gRPC over
// mutual TLS 1.3, each node known by its certificate.
//
// What enters is this node's certificate, where others may be reached
// ([Addresses]) and the ledger, which says who is of the group. What leaves is
// connections to nodes by their id, and calls of which it is certain which node
// makes them ([Caller]). Services and what they carry stand with their consumers.
//
// Messages are the ledger's deterministic CBOR; there is no .proto, see
// docs/decisions/0045-cbor-over-grpc.md.
//
// Invariants:
//
//  1. Who speaks is a node of the group in force that is not suspended, with the
//     key that the ledger lists for it, under a certificate of an authority of
//     its organisation. Both sides check it at each handshake, and the server at
//     each call: who was removed meanwhile is heard no more. What was found out of
//     a connection holds for its next call as long as the ledger has no other
//     record, the list of what was revoked is the same, and nothing has run out.
//  2. An authority counts while the ledger lists it. One that was configured
//     ([Config.Anchors]) counts until the ledger says something about it.
//  3. An address is a hint. Who answers at a wrong one is no other node, since
//     it lacks that node's key.
//  4. Messages, calls at once of one node, connections, those of one node and of one
//     address, and the time of a call are bounded. A call without a deadline is refused.
//  5. A connection that breaks is made again after growing rests, and when its
//     certificate is not believed any more.
//  6. Who has not shown yet that he holds the key of his certificate costs a TLS
//     handshake: nothing of the ledger is read for him, and no certificate checked.
package transport
