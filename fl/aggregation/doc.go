// Package aggregation runs the rules of averaging for whoever brings updates,
// without a job, a round or a ledger.
//
// What enters: a strategy as a job spec names it, and input files in parts:
// updates with their numbers of examples, where the rule looks at them a global
// model and what the server remembered. What leaves: the next model and the
// server's memory as files with a digest, and the updates that were refused with
// their reasons.
//
// Each aggregation has a directory of its own: its head, a record for each input,
// and a store of blobs. It is open, is aggregated, and is done or has failed; one
// that failed is open for other inputs.
//
// Invariants, cited elsewhere as fl/aggregation(n):
//
//  1. A result is a function of the strategy and of the inputs' names, numbers and
//     bytes: aggregator/strategy(3) with the names as peers. Order of arrival,
//     threads, restarts and the machine change no bit.
//  2. What was acknowledged survives: a record is durable before it is answered, a
//     part before its offset is. An aggregation that was at work when the process
//     died is run again.
//  3. The layout is that of the global model; where there is none, that of the
//     first update, by name, that is a safetensors file. Updates are refused by
//     [aggregator.Check] alone.
//  4. Everything is bounded: aggregations and announced bytes of a member and of the
//     node, inputs, runs at once and waiting, and the time that one may lie
//     untouched. A part of the disk is left free.
//  5. Who may see or change one is for the caller to decide: [View.Creator] says
//     whose it is.
//
// [Service.Run] owns the goroutines.
package aggregation
