// Package grpcmesh connects the nodes of different processes: it carries header
// signatures and what nodes know of a height over gRPC.
//
// What enters is what a node says to the others ([node.Link]) and what they say
// to it; what leaves is the same at the other end. Who may speak is decided by
// package transport.
//
// Invariants:
//
//  1. Nobody waits for another node: what it can't take now is dropped, and the
//     group asks for it again. A node that is away costs nothing but its
//     signature.
//  2. A node pushes its own signatures only. What it says of a height is
//     believed as little as ever: the group checks each signature.
//  3. Queues, messages, calls under way to one node and what one node may ask a
//     second are bounded.
package grpcmesh
