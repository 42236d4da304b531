// Package auditlog keeps the administrative acts at a node in the order in
// which they were answered: who did what, when, and what came of it.
//
// What enters is acts; what leaves is a file of JSON lines, and a verdict over
// one. The file names members and tokens by their ids and holds no secret.
//
// Invariants:
//
//  1. An act is on the disk before it is answered. After a write that failed
//     nothing more is recorded, hence no such act answered, until the log is
//     opened again.
//  2. Each line holds the SHA-256 of the line before, the first that of the
//     chain: a line that was changed, taken out or put in is found by [Check].
//     Lines cut off at the end are found with a head that was kept elsewhere.
//  3. A last line without an end was never durable, nor are zeros at the end, and
//     both are cut off when the log is opened.
//  4. A file that is full is renamed and never written again; the chain goes on
//     from its last line in the next. [Read] reads all of them as one.
package auditlog
