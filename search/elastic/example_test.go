package elastic_test

import (
	"context"
	"fmt"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/elastic"
	"github.com/librum/librum/search/query"
)

func Example() {
	ctx := context.Background()
	schema, err := document.NewSchema(document.Contracts())
	if err != nil {
		fmt.Println(err)
		return
	}
	x, err := elastic.New(elastic.Config{Addresses: []string{"https://elasticsearch.example:9200"}, Prefix: "librum-org-1"}, schema)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = x.Close() }()
	if _, whole, err := x.Checkpoint(ctx); err != nil || !whole {
		fmt.Println(whole, err) // an indexer builds it
		return
	}
	answer, err := x.Search(ctx, &query.Request{Query: query.Equal{Field: document.FieldKind, Value: "job"}, Limit: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Total, answer.At.Height)
}
