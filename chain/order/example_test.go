package order_test

import (
	"errors"
	"fmt"

	"github.com/librum/librum/chain/order"
)

func ExampleCorruptError() {
	err := fmt.Errorf("execute record 7: %w", &order.CorruptError{File: "00000000000000000000.log", Offset: 7, Reason: "CRC32C differs"})
	var corrupt *order.CorruptError
	fmt.Println(errors.Is(err, order.ErrCorrupt), errors.As(err, &corrupt), corrupt.Offset)
	// Output: true true 7
}
