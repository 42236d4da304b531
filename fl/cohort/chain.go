package cohort

import "github.com/librum/librum/chain/ledger"

// Length is how many values a hash chain has to reveal.
const Length = 1 << 16

// Value returns what a chain over a secret reveals at an index: index 0 is the
// value committed to, [Length] the secret itself.
func Value(secret ledger.Digest, index uint64) ledger.Digest {
	return after(secret, Length-min(index, Length))
}

// Leads reports whether a value is the one that lies a number of steps behind a
// known one of the same chain. It costs a hash a step, [Length] at most.
func Leads(value, known ledger.Digest, steps uint64) bool {
	return steps <= Length && after(value, steps) == known
}

func after(value ledger.Digest, steps uint64) ledger.Digest {
	for range steps {
		value = ledger.Hash(value[:])
	}
	return value
}
