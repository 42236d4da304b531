// Package tensor reads and writes safetensors files, the form in which model
// updates reach the aggregator and global models leave it.
//
// What enters: an [io.ReaderAt] over a file written by a stranger. What
// leaves: a [Layout] (names, types, shapes, offsets) and, tile by tile, the
// stored bytes. The format is that of
// https://github.com/huggingface/safetensors: eight bytes with the header's
// length (little-endian), a JSON header, the data.
//
// Invariants, cited elsewhere as tensor(n):
//
//  1. Nothing is allocated in proportion to a number in the file before that
//     number was held against [Limits] and against the file's size.
//  2. The tensors of a Layout tile the data section: no byte belongs to two
//     of them, none to no one, and the last one ends where the file ends.
//  3. The tensors of a Layout are in bytewise order of their names.
//  4. A canonical file is a function of its names, types, shapes and values:
//     tensors by name, no metadata, no white space but the padding of the
//     header to a multiple of eight bytes. Equal models have equal digests.
//  5. Every refusal is an [*Error] with a [Kind] and, where it is known, the
//     tensor and the byte.
//
// The package does no arithmetic on the values; see aggregator/kernel.
package tensor
