package founding_test

import (
	"fmt"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fullnode/founding"
)

// What circulates of the native token, whoever holds it.
func ExampleNativeToken() {
	t, err := founding.NativeToken(func(purpose string) ledger.ID { return ledger.ID{byte(len(purpose))} }, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range t.Allocations {
		fmt.Println(a.Purpose, a.Amount)
	}
	// Output:
	// development/system 4200000000000000000000000000
	// marketing/community 1750000000000000000000000000
	// team/consultants 3150000000000000000000000000
	// circulating 25900000000000000000000000000
}
