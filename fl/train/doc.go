// Package train is the Go trainer: perceptrons, linear regression and LeNet-5 on
// gorgonia that a peer trains on its own rows in each round.
//
// What enters: a Spec, the global model as a list of Param, a data.Dataset and
// the number of the round. What leaves: the trained model and Metrics. The
// package opens no file and no connection.
//
// Invariants:
//
//  1. The same Spec, parameters, rows and round give the same bits, on one
//     architecture, whatever GOMAXPROCS is, whatever else runs in the process
//     and whatever the Trainer did before.
//  2. Every row is visited exactly once in each local epoch; the last, smaller
//     batch is a mean over its own rows.
//  3. Momentum begins at zero in each round, so a peer that missed rounds trains
//     as one that did not.
//  4. Inputs are not written to, and what is returned shares no memory with the
//     Trainer.
//  5. What is returned is finite: a model that diverges is an error.
//  6. Trainers share no state. Any number may work at once.
//
// gorgonia multiplies matrices with gonum's BLAS, which hands blocks of the
// result to goroutines but sums each element in index order; that, steps of our
// own around the products of convolutions, and generators of our own for order
// and augmentation, are where invariant 1 comes from.
package train
