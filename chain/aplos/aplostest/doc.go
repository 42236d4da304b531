// Package aplostest makes small chains for tests: a genesis with nodes,
// accounts and delegates whose keys are derived from their index, signed
// transactions and signed records.
package aplostest
