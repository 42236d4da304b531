// Package cohort draws who of a roster trains in a round, so that nobody can
// choose the outcome: neither who opens the round nor any node by itself.
//
// What enters: what the nodes reveal of the hash chains that they committed to
// beforehand (Lamport 1981), and the roster. What leaves: a seed, and the
// cohort that follows from it.
//
// Each node commits to the last value of a chain of [Length] SHA-256 over a
// secret, and reveals it backwards, one value a round: what it reveals was fixed
// before the round, and nobody else could know it. Commit and reveal by hash
// chains is RANDAO's way; like there, whoever reveals last can only withhold, so
// that f nodes that act together choose among 2^f cohorts at most.
//
// Invariants, cited elsewhere as fl/cohort(n):
//
//  1. Everything is a pure function, of integers and SHA-256 alone: the same on
//     every architecture, and in any language by docs/formats.md.
//  2. [Draw] is without bias: each subset of the size has the same chance, up to
//     that of the seed.
//  3. A value of an index reveals those of smaller indices, never one of a
//     greater index.
package cohort
