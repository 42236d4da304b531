// Package storetest holds the suite that every driver of package store passes,
// and the naive model it is compared with.
//
// What enters is a function that opens an empty store; what leaves is a test
// result. Invariants: the suite uses nothing but the interface; a [Model] keeps
// every version of every row and is right by being simple.
package storetest
