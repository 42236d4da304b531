package transport_test

import (
	"fmt"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/transport"
)

func ExampleFixed() {
	node := ledger.ID{1}
	addresses := transport.Fixed{node: "ledger.hospital.example:7400"}
	fmt.Println(addresses.Address(node))
	_, known := addresses.Address(ledger.ID{2})
	fmt.Println(known)
	// Output:
	// ledger.hospital.example:7400 true
	// false
}
