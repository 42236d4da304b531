// Package testnet runs a whole network in one goroutine over a simulated
// clock, log and network, all drawn from one seed: the same seed gives the same
// chain, bit by bit.
//
// What enters: a seed, numbers of nodes and peers, a job spec, and the faults
// that a test wants: hostile peers in place of honest ones, nodes that stop and
// come back, that lie in what they submit, or whose files are lost or damaged.
// What leaves: the chain hash, the model's digest, and the state to look into.
// A clock that all have waited for leaps ahead, so that long deadlines cost
// little. The cores, contracts, coordinators and peers are the real ones;
// simulated are time, the log, the way of header signatures and of updates.
package testnet
