package storetest_test

import (
	"fmt"

	"github.com/librum/librum/chain/store/storetest"
)

func ExampleModel() {
	m := storetest.NewModel()
	m.Apply(storetest.NewCommit(0, map[string]string{"k": "old"}))
	m.Apply(storetest.NewCommit(1, map[string]string{"k": "new"}))
	fmt.Printf("%s %s\n", m.Scan(0, nil, nil, 10)[0].Value, m.Scan(1, nil, nil, 10)[0].Value)
	// Output: old new
}
