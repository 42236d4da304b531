// Package data holds labelled tables of numbers and splits them among peers.
//
// What enters: the embedded UCI digits, or files of the data owner that someone
// else opened (comma-separated text with a schema, IDX), and seeds. What leaves: Dataset values
// and partitions, lists of row numbers that say which peer holds which row.
// The package is pure: no clock, no I/O, no goroutine, and all randomness comes
// from a seed in the call.
//
// Invariants:
//
//  1. A Dataset holds Rows×Columns finite features in row-major order and, per
//     row, one label in [0, Classes) or, where Classes is 0, one finite target.
//  2. A partition puts each row of the data set into exactly one split, the
//     rows of a split ascend, and no split is empty.
//  3. The same arguments give the same partition: on one architecture in every
//     process, whatever GOMAXPROCS is.
//  4. The held-out rows of the digits are in no split, because the pool that
//     Digits returns does not hold them.
//  5. Whatever a file promises is bounded before memory is set aside for it,
//     and errors about a table name line and column, never what stands there.
//
// # Source and licence of the digits
//
// digits.csv.gz is sklearn/datasets/data/digits.csv.gz of scikit-learn 1.x,
// byte for byte: the test part (1,797 images) of "Optical Recognition of
// Handwritten Digits" by E. Alpaydin and C. Kaynak, UCI Machine Learning
// Repository, 1998, https://doi.org/10.24432/C50P49, licensed under the
// Creative Commons Attribution 4.0 International licence (CC BY 4.0). Each
// image is 8×8 counts of ink, 0 to 16. Librum maps the counts to [-1, 1] when
// it reads them, (count - 8) / 8, and changes nothing else.
package data
