// Package process runs one node as a process of its own: it opens the engines
// that a configuration names, assembles the node over them, and serves its door.
//
// What enters is a configuration; what leaves is a node that runs until its
// context ends.
//
// Invariants:
//
//  1. A node's directory is used by one process at a time, whatever its engines
//     are: two with one key could sign two headers of one height.
//  2. The genesis file is believed only with the digest that the configuration
//     names.
//  3. Engines are opened before anything of the node, and closed last; what
//     could not be opened wholly is closed again.
//  4. Secrets are read from files when an engine is opened, and never logged.
package process
