// Package grpcmesh connects the coordinators of different processes: it carries
// files, requests for receipts and which peers were heard of over gRPC.
//
// What enters is what a coordinator asks of others ([coordinator.Link]) and what
// they ask of it; what leaves is the answers. Who may ask is decided by package
// transport: nodes of the group in force alone, so updates go to nobody else.
//
// Invariants:
//
//  1. A file comes in ranges of bounded size, each with a deadline. Whoever reads
//     checks the digest; a range that breaks off is asked for again from where it
//     broke, a few times.
//  2. A reader that is slow holds its sender back (flow control of HTTP/2), and
//     a sender that sends nothing for a while is given up.
//  3. A node vouches for an update only as [coordinator.Service.Hold] does, from
//     what its own ledger says.
//  4. Wakes are never waited for, and one node has one under way at most.
package grpcmesh
