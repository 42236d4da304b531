package blob_test

import (
	"errors"
	"fmt"

	"github.com/librum/librum/chain/blob"
)

func ExampleOffsetError() {
	err := fmt.Errorf("append to upload: %w", &blob.OffsetError{Got: 0, Have: 600})
	if wrong, ok := errors.AsType[*blob.OffsetError](err); ok {
		fmt.Println("go on from byte", wrong.Have)
	}
	// Output: go on from byte 600
}
