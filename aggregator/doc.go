// Package aggregator averages model updates so that everyone who repeats the
// computation gets the same bits.
//
// What enters: the layout of the global model and, for each peer, its id on
// the ledger, a safetensors file behind an [io.ReaderAt], and an integer
// weight (its number of examples). What leaves: one canonical safetensors
// file, written in order, and its SHA-256.
//
// [Check] decides whether a single update may take part; [Aggregate] averages
// those that may. The rule is FedAvg (McMahan et al., "Communication-Efficient
// Learning of Deep Networks from Decentralized Data", 2017): Σ nᵢ·wᵢ / Σ nᵢ.
//
// Invariants, cited elsewhere as aggregator(n):
//
//  1. The result is a function of the set of (peer, file, weight): updates
//     are folded in bytewise order of the peers' ids, whatever order they came
//     in, and neither the tile size nor the number of threads changes a bit.
//  2. Memory is O(tile × threads) plus one number per tensor and distinct
//     update layout; it grows neither with the model nor, for updates laid out
//     alike, with their number.
//  3. A refusal is a function of the update's bytes, its promised digest, the
//     model's layout and the limits; every node comes to the same one.
//  4. A result holds no NaN and no infinity. What a server's step or a clipped
//     mean would move out of the stored type's range stops at its largest number.
//  5. A [Stack] holds the updates of a round beside each other for the rules of
//     aggregator/strategy: sums over coordinates are those of kernel(5), and its
//     memory is O(threads × tile of all rows).
//  6. What a server remembers is float64, in a canonical file of its own.
//
// The arithmetic is that of aggregator/kernel, the format that of
// aggregator/tensor. Goroutines are started inside [Aggregate] only and have
// ended when it returns.
package aggregator
