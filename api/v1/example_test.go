package v1_test

import (
	"encoding/json"
	"fmt"

	v1 "github.com/librum/librum/api/v1"
)

func ExampleProblem_Code() {
	var p v1.Problem
	text := `{"type":"https://librum.dev/problems/busy","title":"Too many transactions are under way","status":429}`
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		fmt.Println(err)
	}
	fmt.Println(p.Status, p.Code())
	// Output: 429 busy
}
