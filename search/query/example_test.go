package query_test

import (
	"fmt"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

func Example() {
	schema, err := document.NewSchema(document.Contracts())
	if err != nil {
		fmt.Println(err)
		return
	}
	tree, err := query.Parse("kind:round accuracy>=0.9 -state:void", schema)
	fmt.Println(query.String(tree), err)
	_, err = query.Parse("kind:round AND height:many", schema)
	fmt.Println(err)
	// Output:
	// kind:"round" AND accuracy:[0.9 TO *] AND NOT state:"void" <nil>
	// query, character 23: expected a whole number, found "many"
}
