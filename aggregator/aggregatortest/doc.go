// Package aggregatortest makes models and updates for tests: the same seed,
// the same bytes.
//
// What enters: tensors without offsets, a seed, a spread. What leaves: canonical
// safetensors files in memory.
//
// Invariants:
//
//  1. A file is a function of its arguments; it depends on neither time, map
//     order nor architecture.
//  2. Every value is finite, so that every file passes aggregator.Check.
package aggregatortest
