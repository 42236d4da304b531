// Package local keeps the ordered log in segment files of one directory. It is
// the embedded driver of package order: all nodes of one process share it.
//
// What enters is records from concurrent callers; one committer goroutine,
// owned by the [Log] from Open to Close, writes what has gathered in one write
// of at most 1 MiB and one fdatasync (group commit), then answers all of them.
// What leaves is entries, the newest from memory. Formats stand beside their
// code: segment.go, frame.go, acked.go.
//
// Invariants:
//
//  1. A segment is published whole, by rename and directory sync, and only
//     appended to. Its records end where the next segment begins; bytes behind
//     that count for nothing.
//  2. A group is written only after the group before it is durable. Each frame
//     carries the offset at which its group began: all records before that
//     were durable when the frame was written.
//  3. The file "acknowledged" is written after each sync and before callers are
//     answered; it is itself synced when the log falls idle (50 ms), at each
//     new segment and at Close.
//  4. After a failed write or sync the log takes nothing more; only Open, which
//     writes the unacknowledged records again, goes on.
//  5. A frame's sum starts from a secret salt of its segment, so that no
//     record's content can pass for a frame.
//
// # Recovery
//
// The known acknowledged end is the largest of: what the file "acknowledged"
// says; the base of the last segment; what any whole frame of the last segment
// carries, also those found behind a bad one. A record that is missing or bad
// before it is corruption ([order.CorruptError]), and nothing is cut. Whole
// records behind it are kept, since their callers may have been answered, and
// written again to a new segment. Bytes that are no whole record there are a
// torn tail: they are left in place and the next segment begins before them.
// Segments before the last are checked at every read.
//
// # Limits
//
// A killed process loses nothing from "acknowledged": the kernel has it. If
// the power goes, it may lag by the groups of the last 50 ms. All but the last
// of these are covered by the frames written after them. So the one case that
// can't be told apart is damage to the very last group within 50 ms of its
// acknowledgement, together with a loss of power: that looks like a torn tail.
// A node that executed the record finds out, since it keeps the hash of the
// last record it executed. A disk that acknowledges a flush it did not make
// shows as corruption where anything after the loss survived. Removing the
// oldest segment files by hand looks like Trim.
package local
