// Package contracttest is a ledger in memory for tests of federated learning:
// it executes the methods of the contract fl one after the other, as a node
// does, with real identities, receipts and footprints.
//
// What enters: a number of nodes and peers, then calls and the passing of log
// time. What leaves: the code and the events of each call, and a state to read.
package contracttest
