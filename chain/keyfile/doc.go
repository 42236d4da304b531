// Package keyfile reads and writes private keys as they lie on disk.
//
// What enters is a path and a way to ask for secrets; what leaves is a key. A
// file holds one of three things:
//
//   - the key as PKCS #8 in PEM, readable by whoever can read the file;
//   - the same, encrypted under a passphrase by age with scrypt
//     (https://age-encryption.org/v1), armoured, as age -p -a writes it;
//   - the URI of a key on a token (RFC 7512), which never leaves it. The URI may
//     also stand in the place of the path.
//
// Invariants:
//
//  1. No error and no log holds key material, a passphrase or a PIN.
//  2. A file is bounded before it is read, and so is the work that a hostile one
//     may ask for: scrypt up to 2^18, 256 MiB of memory and about a second.
//  3. A key is written whole and durably with mode 0600, or not at all, and never
//     over another file.
//  4. A PIN stands in no URI: it is asked for, or read from the file that
//     pin-source names.
//  5. No library is loaded because of what a file in somebody else's directory
//     says: what looks at such reads keys by [LoadPlain].
//
// Tokens need cgo; without it they are refused with a word on how to build.
package keyfile
