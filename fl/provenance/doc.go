// Package provenance says where a version of a model comes from, in two forms
// that others read: W3C PROV-JSON and an in-toto statement.
//
// What enters: the ledger's rows of a job. What leaves: a [Line], from the
// initial model to one version, and its two documents.
//
// Invariants:
//
//  1. The documents are a function of rows that change no more, so whoever has
//     the ledger makes the same bytes again. They are not signed: what vouches for
//     them is the ledger, on which `librum verify` checks every digest in them.
//  2. A line names every round up to the version, and the updates of the last
//     round alone: its length is rounds plus one cohort.
//  3. What peers claim is called claimed.
//
// PROV-JSON is the W3C member submission of 2013 over the PROV data model; the
// statement is in-toto's Statement v1 with the predicate SLSA Provenance v1.
package provenance
