package data_test

import (
	"fmt"

	"github.com/librum/librum/fl/data"
)

func Example() {
	pool, heldOut, err := data.Digits()
	if err != nil {
		panic(err)
	}
	splits, err := data.Dirichlet(pool, 0.5, 10, 5, 1)
	if err != nil {
		panic(err)
	}
	rows := 0
	for _, split := range splits {
		part, err := pool.Subset(split)
		if err != nil {
			panic(err)
		}
		rows += part.Rows
	}
	fmt.Println(len(splits), "peers hold", rows, "rows;", heldOut.Rows, "are held out")
	// Output: 10 peers hold 1437 rows; 360 are held out
}
