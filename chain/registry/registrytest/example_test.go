package registrytest_test

import (
	"fmt"

	"github.com/librum/librum/chain/registry"
	"github.com/librum/librum/chain/registry/registrytest"
)

func ExampleText() {
	fmt.Println(registrytest.Text([]registry.Entry{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("2")}}))
	// Output: a=1 b=2
}
