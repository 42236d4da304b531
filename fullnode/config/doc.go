// Package config is what a node in a process of its own is told: where it keeps
// its things, which engine stands behind each stage, how it meets the others.
//
// What enters is a YAML file and environment variables; what leaves is a [Config]
// that holds, or a list of all that is wrong with it.
//
// Invariants:
//
//  1. A field that is not known is refused with its line and the name that was
//     probably meant; so is a variable. Nothing is ignored.
//  2. Every field has bounds, and all problems are told at once.
//  3. No secret stands in a configuration: it names the files that hold them.
//  4. The text of [Defaults] means what [Default] returns.
package config
