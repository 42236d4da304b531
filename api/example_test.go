package api_test

import (
	"fmt"

	"github.com/librum/librum/api"
)

// Documentation of the problems is made from the table that the server uses.
func ExampleProblems() {
	for _, kind := range api.Problems() {
		if kind.Status == 429 {
			fmt.Println(kind.Code, "-", kind.Doc)
		}
	}
	// Output:
	// too_many_aggregations - Delete some, wait until some have ended, or for Retry-After seconds.
	// too_many_requests - Each member, and each address without a token, has a rate. Come again after Retry-After seconds.
	// busy - Back off for Retry-After seconds and send again.
	// too_many_uploads - Finish some, or wait until they lapse.
	// too_many_waits - Close some and try again after Retry-After seconds.
}
