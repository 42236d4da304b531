package indexer_test

import (
	"fmt"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/indexer"
)

func Example() {
	maker, err := document.NewMaker(document.Contracts())
	if err != nil {
		fmt.Println(err)
		return
	}
	// A node gives Chain, Genesis and Index; Run follows it until its context ends.
	x := indexer.New(indexer.Config{Maker: maker})
	fmt.Println(x.Status().Height)
	// Output: 0
}
