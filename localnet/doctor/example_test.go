package doctor_test

import (
	"fmt"

	"github.com/librum/librum/localnet/doctor"
)

func ExampleChecks_Worst() {
	checks := doctor.Checks{
		{Name: "disk", State: doctor.Warn, Message: "1.0 GiB of 80.0 GiB free", Fix: "free some space"},
		{Name: "token", State: doctor.OK, Message: "the node takes it"},
	}
	fmt.Println(checks.Worst())
	// Output: warn
}
