package document_test

import (
	"fmt"

	"github.com/librum/librum/search/document"
)

func Example() {
	fmt.Printf("%q\n", document.Words("FedAvg's round-7, <b>naïve</b>"))
	schema, err := document.NewSchema(document.Contracts())
	if err != nil {
		fmt.Println(err)
		return
	}
	f, ok := schema.Field("balance")
	fmt.Println(f.Type, ok)
	// Output:
	// ["fedavg" "s" "round" "7" "b" "naïve" "b"]
	// amount true
}
