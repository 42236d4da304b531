// Package fsck looks for damage in the directory of a stopped network, file by
// file, without changing anything.
//
// What enters is a directory; what leaves is a [Report] that names every file
// that is not what it should be, and what to do about it. It is for damage;
// against people who can write the directory stands verification, which looks
// at what the files say. Between the two no byte is overlooked.
//
// Invariants:
//
//  1. With the manifest of a clean stop every byte of every file is compared.
//     Without one, that is said, and what can be checked by itself is: frames of
//     the log, rows and blocks of the stores and that the log holds the same
//     records, blobs by their digests, keys against the genesis.
//  2. A file that is made again by itself, a lock for instance, is named and is
//     no finding. All else that is damaged, missing or was not there is one, but
//     for a new file beside the network's own, which nobody reads.
//  3. A directory that a process uses is refused ([localnet.ErrRunning]).
//  4. Nothing but files and directories is read: a symbolic link, pipe or device
//     is named, and not followed or opened.
package fsck
