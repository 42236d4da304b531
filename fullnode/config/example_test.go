package config_test

import (
	"fmt"

	"github.com/librum/librum/fullnode/config"
)

// A file says what differs from the defaults; all that is wrong is told at once.
func Example() {
	_, err := config.Parse([]byte("chain: none\nstore: {driver: pebbles}\n"), nil)
	fmt.Println(err)
	_, err = config.Parse([]byte("ordr: {driver: kafka}\n"), nil)
	fmt.Println(err)
	// Output:
	// chain: want the genesis digest that was agreed on, 64 hexadecimal digits: librum genesis show prints it
	// store.driver: "pebbles", want one of pebble, cassandra
	// line 1: field ordr is not known here; did you mean order?
}
