// Package strategy lists the rules by which a job may turn a round's updates
// into the next global model.
//
// What enters: names and parameters, as a job spec has them, then a round's
// files. What leaves: a [Rule], the next model and what the server remembers.
//
// A rule nests: clip ∘ mean ∘ server. A clipping bounds how far an update may lie
// from the global model, a mean makes one model of many, a server optimiser takes
// the difference for a gradient. There is one table, [All], and one file for each
// kind of entry. Adding one is copying a file and naming its entry in the table:
// the entry carries its documentation, the spec of its parameters, from which
// validation comes, and what it asks of a job.
//
// Invariants:
//
//  1. Names are part of the job spec's vocabulary; an entry is never renamed.
//  2. Parameters are validated before anything is read; an unknown one is
//     refused, and so are parts that do not go together.
//  3. A rule's result is a function of its parameters and of its [Input], bit by
//     bit: not of the order of arrival, the tiles or the threads, aggregator(1).
//     Rows are in bytewise order of the peers; of equals the first is taken.
//  4. Memory is O(threads × tile), whatever the model's size, save for the n²/2
//     distances of Krum and Bulyan and a few numbers a peer.
//  5. Robust means give each peer one vote: a number of examples is a claim.
//  6. Integer tensors are averaged or chosen in integers: where a mean has whole
//     weights by these, else as the coordinate median. Clippings, distances and
//     servers leave them out.
//  7. Arithmetic is float64 with + − × ÷ and √ alone; kernel.Exp and
//     kernel.Power are made of these.
package strategy
