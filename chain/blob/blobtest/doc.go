// Package blobtest holds the suite that every driver of package blob passes.
//
// What enters is a function that opens an empty store; what leaves is a test
// result. Invariants: the suite uses nothing but the interface.
package blobtest
