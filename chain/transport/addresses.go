package transport

import "github.com/librum/librum/chain/ledger"

// Fixed is addresses that never change, from a configuration.
type Fixed map[ledger.ID]string

// Address implements [Addresses].
func (f Fixed) Address(node ledger.ID) (string, bool) {
	address, ok := f[node]
	return address, ok
}
