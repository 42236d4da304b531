// Package ordertest holds the suite that every driver of package order passes.
//
// What enters is a function that opens an empty log; what leaves is a test
// result. Invariants: the suite uses nothing but the interface (and io.Closer
// where a log has it), and never sleeps.
package ordertest
