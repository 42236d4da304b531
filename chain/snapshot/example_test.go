package snapshot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/snapshot"
)

// What is no snapshot is refused before anything else is looked at.
func Example() {
	trust := snapshot.Trust{Genesis: &ledger.Genesis{}, Verify: identity.Verify}
	_, err := snapshot.Check(context.Background(), trust, strings.NewReader("a letter"), nil)
	fmt.Println(errors.Is(err, snapshot.ErrMalformed))
	// Output: true
}
