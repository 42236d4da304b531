// Package searchtest is the suite that every index passes.
//
// What enters is a function that opens an empty index; what leaves is failures.
// Answers are compared with those of a naive index, which holds documents in a
// list and looks at each of them.
//
// Invariants:
//
//  1. Documents and questions come from a seed: a failure can be repeated.
//  2. Numbers that are added are compared to 1e-9, all else exactly.
package searchtest
