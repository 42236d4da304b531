package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
	"github.com/librum/librum/search/sqlite"
)

func Example() {
	dir, err := os.MkdirTemp("", "search")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	schema, err := document.NewSchema(document.Contracts())
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	index, err := sqlite.Open(ctx, filepath.Join(dir, "index.sqlite"), schema)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = index.Close() }()
	block := document.Document{Kind: document.KindBlock, ID: "1", Height: 1, Fields: document.Values{"num_transactions": int64(3)}}
	if err := index.Apply(ctx, []document.Document{block}, &query.Checkpoint{Height: 1}); err != nil {
		fmt.Println(err)
		return
	}
	tree, err := query.Parse("num_transactions>2", schema)
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := index.Search(ctx, &query.Request{Query: tree, Limit: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Total, answer.Hits[0].Key())
	// Output: 1 block/1
}
