// Package file keeps blobs as files named by their SHA-256.
//
// What enters is streams; what leaves is open files whose every read is
// checked. In the directory:
//
//	ab/ab12…       content, by its digest in hexadecimal digits
//	temporary/     content on its way; emptied at Open
//	partial/       uploads by id; those untouched for a day are dropped
//	LOCK           held while the store is open
//
// Invariants:
//
//  1. Content is written to a temporary file, synced, renamed and its directory
//     synced, in that order, before Put returns.
//  2. The first Get of a blob in the life of a store reads it whole against
//     its SHA-256 and notes a keyed 64-bit sum of each 64 KiB; Put notes the
//     sums of what it writes. Each ReadAt checks the sums of all it touches. So
//     a file that changes on the disk, even while it is open, is found by the
//     read that would return the change.
//  3. Sums are kept for the newest blobs ([Options.SumBytes]); one whose sums
//     were dropped is read whole again at its next Get.
//  4. An Append takes a place among the writers only while it writes: who sends
//     slowly keeps neither other writers nor Close waiting.
//
// The keyed sum is hash/maphash with a seed of this process: it tells damage,
// and keeps out who can write to the disk but not read our memory, except with
// a chance of about 2⁻⁶⁴ per try. It is no proof to anybody else.
package file
