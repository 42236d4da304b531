// Package sqlite keeps the documents of an index in an SQLite file, with FTS5
// for their texts. It is in the binary: nothing has to be installed.
//
// What enters is documents with the checkpoint that they make, and searches;
// what leaves is answers. A document is a row with a column for each field; its
// words stand in an FTS5 table without content, its lists in a table of their
// own.
//
// Invariants, cited elsewhere by number:
//
//  1. Documents and checkpoint are written in one transaction: an index holds
//     what its checkpoint says, also after a crash.
//  2. Of two documents with one key that of the greater height stays, in
//     whatever order they come.
//  3. What a reader writes reaches SQL as a parameter and never as text; names of
//     columns come from the schema alone.
//  4. An answer is read in one transaction: hits, counts and aggregates are those
//     of its checkpoint.
//  5. A file that is damaged, or was written for other fields or by another
//     version, is made anew: it holds nothing that can't be built again.
package sqlite
