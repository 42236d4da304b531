// Package fullnode assembles all that one node of a network is: the node of the
// chain, the coordinator of its jobs, its blobs, the tokens and the audit log of
// its door.
//
// What enters is a directory with the node's keys, the engines it stands on,
// already open, and the meshes through which it meets the others; what leaves is
// a running node and what its HTTP interface stands on. Who opens the engines,
// and how many nodes share a process, is the caller's business.
//
// Invariants:
//
//  1. A node's keys are read from its directory, and which node it is says the
//     genesis that lists the first of them, or the file id beside them.
//  2. Evidence of a divergence is durable before the node says that it diverged;
//     while it is there the node signs nothing.
//  3. What is opened here is closed here; engines are closed by who opened them.
package fullnode
