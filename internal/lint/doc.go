// Package lint holds the house rules of Librum as code, so that they do not
// rot: who may import whom, what a pure package must not call, which files a
// package owes its reader, how errors are worded.
//
// What enters is a checkout as an [io/fs.FS]; it is parsed once by [Load].
// What leaves is a list of [Finding], each naming the file, the line and what
// to write instead. The test of this package runs every rule over the
// repository it stands in.
//
// Invariants:
//
//  1. A rule is a pure function of the [Tree]: no rule reads a file, and the
//     findings come in the order of paths and lines.
//  2. A rule that cannot fail is worth nothing: testdata holds a bad fixture for
//     each rule, and a rule without one fails the test.
//  3. Every message ends with the replacement, never with the prohibition alone.
//  4. The layer table in layers.go is the truth; a folder it does not place is
//     a finding, so that a new package is placed before it is imported.
package lint
