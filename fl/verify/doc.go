// Package verify checks a federated job: it computes every round again from
// the updates and compares with what stands on the ledger.
//
// What enters: a state that execution led to (chain/verify gives one that was
// recomputed from the genesis), and the blob stores where the updates may be.
// What leaves: a [Report] whose lines say of each fact whether it was
// recomputed, attested by nodes, or is somebody's claim.
//
// Invariants:
//
//  1. The state is believed, nothing else: files are checked by digest, and
//     models, sets, weights and refusals are computed.
//  2. An update that is gone makes the verdict incomplete, not right. One that
//     is withheld from this reader does so only where no quorum attested the
//     round.
//  3. Metrics and numbers of examples are claims, and called so.
//     The model card is neither: it is made again.
//  4. A job that failed over a result is explained: who said what, and what the
//     updates really give. That the ledger found a lie is no finding against
//     it.
package verify
