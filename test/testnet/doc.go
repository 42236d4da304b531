// Package testnet runs a whole network in one goroutine over a simulated
// clock, log and network, all drawn from one seed: the same seed gives the same
// chain, bit by bit.
//
// What enters: a seed, numbers of nodes and peers, a job spec. What leaves: the
// chain hash and the model's digest. The cores, contracts, coordinators and
// peers are the real ones; simulated are time, the log, the way of header
// signatures and of updates.
package testnet
