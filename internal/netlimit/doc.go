// Package netlimit bounds the connections that a listener has open: all of them,
// and those of each address.
//
// What enters is listeners; what leaves is listeners that accept no more than
// there are places ([Places]).
//
// Invariants:
//
//  1. No more connections than places are open at a time, and of one address no
//     more than its share. What is too much of one address is closed at once, so
//     that it takes nobody's place; while no place is left nothing is accepted.
//  2. A place is free again when its connection is closed, once, however often.
//  3. Memory is bounded by the places: an address without a connection is
//     forgotten.
package netlimit
