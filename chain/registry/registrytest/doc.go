// Package registrytest holds the suite that every driver of package registry
// passes.
//
// What enters is a function that opens one registry several times; what leaves
// is a test result. Invariants: the suite uses nothing but the interface and the
// closing of a handle, which leaves holds to run out as a crash would; it never
// sleeps.
package registrytest
