package verify_test

import (
	"context"
	"fmt"

	fl "github.com/librum/librum/fl/contract"
)

// A job is verified twice: as it was recorded, and with the second round's
// model replaced by one that a quorum of liars agreed on.
func ExampleJob() {
	ctx := context.Background()
	recorded, err := record(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := recorded.verify(ctx)
	fmt.Println(report.Rounds, "rounds,", report.Averages, "averages:", report.First, err)
	last := report.Lines[len(report.Lines)-1]
	fmt.Println(last.Basis)

	if err := recorded.agree(2, func(c *fl.Commit) { c.Model[0] ^= 1 }); err != nil {
		fmt.Println(err)
		return
	}
	report, err = recorded.verify(ctx)
	fmt.Println(report.First.Kind, "at", report.First.Where, err)
	// Output:
	// 2 rounds, 2 averages: <nil> <nil>
	// recomputed
	// average at round 2 <nil>
}
