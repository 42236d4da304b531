// Package ca is the office of an organisation's certificate authority: a
// directory with its keys, its register of members and servers, the evidence by
// which it knows them, and what it has issued.
//
// What enters is requests, names, evidence and the decisions of officers; what
// leaves is the arguments of enrolments for the ledger, certificates and lists of
// revoked ones. Nothing here talks to a node: whoever calls submits what was
// signed and says what became of it.
//
// A directory holds:
//
//   - settings.json: chain, organisation, generation of the key, and to whom
//     evidence is encrypted
//   - ca-key-N: the authority's key, see [github.com/librum/librum/chain/keyfile]
//   - ca.pem: the certificates to trust, newest first
//   - cross.pem: what leads from the newest key to older ones
//   - crl.pem: what counts no more (RFC 5280)
//   - register.jsonl: a line for each change of a record, the last one counts
//   - evidence-key, evidence/: files encrypted by age to that key
//   - certificates/: what was issued, as members get it
//
// Invariants:
//
//  1. Names stay in the register. The ledger gets random ids, keys, roles and
//     salted digests.
//  2. Evidence lies on disk encrypted alone, each file behind a salt of 32 random
//     bytes in the same ciphertext: without the file its digest can't be tied to
//     a document, so that erasing the file erases the salt.
//  3. A path is never made from what a request, a name or a file's name says.
//  4. A record is in the register durably before anybody is told of it; a line
//     that was cut off by a crash was told to nobody and is dropped.
//  5. One process at a time has the directory.
//  6. A certificate of a member is issued only once the ledger has enrolled it.
//  7. A certificate gets its name only once the register has its serial number:
//     none is anywhere that could not be revoked.
package ca
