// Package cert makes and checks the X.509 certificates and requests of a chain:
// of members, nodes, TLS servers and the authorities that issue them.
//
// What enters is keys, names and requests in PEM; what leaves is certificates,
// revocation lists (RFC 5280) and verdicts. Time and randomness are handed in.
// The ledger never sees a certificate: code that executes parses none.
//
// The subject of a certificate is no name. A URI of the subject alternative
// names says who it is for: librum://CHAIN/ID for members, nodes and authorities
// (the organisation's id), librum://CHAIN for servers, the chain in two labels of
// 32 digits. The authority's constraints name the chain too, so that no library
// takes its certificates for another chain's.
//
// Invariants:
//
//  1. All keys are Ed25519 and fit for enrolment; nothing else is issued or
//     believed.
//  2. A certificate is issued for what its request says and no more: extensions
//     that a request asks for are left out, and its key has signed it (PKCS #10).
//     The request of a member or node holds its proof of possession for the
//     ledger too.
//  3. An authority vouches for no other authority, and for no DNS name or address
//     beyond its name constraints, which are critical and never empty.
//  4. Whatever is parsed is bounded before.
package cert
