// Package kernel holds the arithmetic that decides an average's bits.
//
// What enters: tiles of stored numbers (raw little-endian bytes, aligned to
// eight), accumulators, integer weights. What leaves: accumulators, then
// tiles of averages. The package knows neither files nor models.
//
// Invariants, cited elsewhere as kernel(n):
//
//  1. Floats are accumulated in float64, acc + x·weight, starting from +0, in
//     the order of the calls. For F32, F16 and BF16 and a weight below 2^29
//     the product is exact.
//  2. A product that feeds a sum is written float64(a*b): the Go
//     specification forbids fusing across that conversion, and without it
//     arm64 would round once where amd64 rounds twice. A test looks for
//     fused instructions in the arm64 code.
//  3. A mean takes one division and one rounding to the stored type, to
//     nearest, ties to even. F16 and BF16 are rounded from float64 directly.
//  4. Integers are accumulated and divided in 128 bits, ties to even.
//  5. A coordinate's result depends on that coordinate alone, so that tiles
//     may be cut anywhere; sums over coordinates ([SquaredSum]) run in index
//     order inside blocks of 4,096, then block by block, wherever tiles end.
//
// On amd64 with AVX the loops that most of the time goes into are vector code that
// tools/kernels makes and make generate writes; the Go loops are its twins and run
// elsewhere.
//
// numpy gives the same bits; see aggregator/testdata/fedavg_golden.py.
package kernel
