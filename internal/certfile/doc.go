// Package certfile serves a certificate from files that may change while a
// server runs.
//
// What enters is the paths of the files and a function that loads them; what
// leaves is the certificate for each handshake of TLS.
//
// Invariants:
//
//  1. A handshake never fails because of a rotation: while the new files are
//     incomplete or wrong, the old certificate is served and the reason logged.
//  2. A change is served to handshakes that begin more than [Interval] after it.
//  3. No handshake waits for another one's loading.
//  4. No goroutine and no watch on the file system is needed.
package certfile
