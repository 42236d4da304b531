// Package strategy lists the rules by which a job may average its updates.
//
// What enters: a strategy's name and parameters, as a job spec has them. What
// leaves: a function that averages updates by that rule.
//
// There is one file a strategy and one table, [All]. Adding a strategy is
// copying fedavg.go and naming its entry in the table: the entry carries its
// documentation and the spec of its parameters, from which validation comes.
//
// Invariants:
//
//  1. Names are part of the job spec's vocabulary; an entry is never renamed.
//  2. Parameters are validated before anything is read; an unknown one is
//     refused.
//  3. A strategy's result is a function of its parameters and of the set of
//     updates, aggregator(1).
package strategy
