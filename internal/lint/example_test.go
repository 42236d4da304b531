package lint_test

import (
	"fmt"
	"testing/fstest"

	"github.com/librum/librum/internal/lint"
)

func ExampleLoad() {
	tree, err := lint.Load(fstest.MapFS{
		"go.mod":                {Data: []byte("module example.org/ledger\n")},
		"chain/ledger/clock.go": {Data: []byte("package ledger\n\nimport \"time\"\n\nvar start = time.Now()\n")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, rule := range lint.Rules() {
		if rule.Name != "pure" {
			continue
		}
		for _, finding := range rule.Check(tree) {
			fmt.Println(finding)
		}
	}
	// Output:
	// chain/ledger/clock.go:5: chain/ledger is pure: instead of time.Now, take the time or log time as a parameter
}
