package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/librum/librum/search/query"
)

// searchQuestion is one that is asked in the language of search, and by hand in
// those of the back ends. $1 stands for what changes from one time to the next.
type searchQuestion struct {
	name      string
	query     string
	sort      string
	limit     int
	aggregate []query.Aggregation
	// change is what $1 stands for the n-th time, given how many blocks there are.
	change func(n, blocks int) string
	// count, hits and buckets are in SQL: buckets have a number, a text and a count.
	count, hits, buckets string
	dsl                  string
}

// forSQL returns a text with a parameter for each $1, and their values.
func forSQL(text, value string) (string, []any) {
	args := make([]any, strings.Count(text, "$1"))
	for i := range args {
		args[i] = value
	}
	return strings.ReplaceAll(text, "$1", "?"), args
}

// searchQuestions are asked of the made-up chain.
func searchQuestions() []searchQuestion {
	since := func(n, blocks int) string { return fmt.Sprint(benchBegin + n%(blocks/2+1)*benchInterval + n) }
	return []searchQuestion{
		{
			name: "exact", query: "transaction:$1", limit: query.DefaultHits,
			change: func(n, blocks int) string { return benchID("transaction", benchBlock+n*7919%(blocks*benchBlock)) },
			count:  "SELECT count(*) FROM (SELECT 1 FROM documents WHERE f_transaction = $1 LIMIT 10001)",
			hits:   "SELECT key, * FROM documents WHERE f_transaction = $1 ORDER BY f_height DESC, key LIMIT 20",
			dsl: `{"query":{"bool":{"filter":[{"term":{"transaction":"$1"}}]}},"size":20,"track_total_hits":10001,
				"sort":[{"height":"desc"},{"documentKey":"asc"}]}`,
		},
		{
			name: "full text with filter and sort", query: "insufficient kind:transaction time>=$1", sort: "time", limit: query.DefaultHits,
			change: since,
			count: "SELECT count(*) FROM (SELECT 1 FROM documents WHERE doc IN (SELECT rowid FROM words WHERE words MATCH 'insufficient') " +
				"AND f_kind = 'transaction' AND f_time >= CAST($1 AS INTEGER) LIMIT 10001)",
			hits: "SELECT key, * FROM documents WHERE doc IN (SELECT rowid FROM words WHERE words MATCH 'insufficient') " +
				"AND f_kind = 'transaction' AND f_time >= CAST($1 AS INTEGER) ORDER BY f_time DESC, key LIMIT 20",
			dsl: `{"query":{"bool":{"filter":[{"term":{"textWords":"insufficient"}},{"term":{"kind":"transaction"}},{"range":{"time":{"gte":$1}}}]}},
				"size":20,"track_total_hits":10001,"sort":[{"time":"desc"},{"documentKey":"asc"}]}`,
		},
		{
			name: "histogram with terms", query: "kind:transaction time>=$1",
			aggregate: []query.Aggregation{{Op: query.OpHistogram, Field: "time", Interval: time.Minute, Within: []query.Aggregation{{Op: query.OpTerms, Field: "code"}}}},
			change:    since,
			count:     "SELECT count(*) FROM (SELECT 1 FROM documents WHERE f_kind = 'transaction' AND f_time >= CAST($1 AS INTEGER) LIMIT 10001)",
			buckets: "SELECT f_time / 60000 * 60000 AS minute, f_code, count(*) AS n FROM documents " +
				"WHERE f_kind = 'transaction' AND f_time >= CAST($1 AS INTEGER) GROUP BY minute, f_code ORDER BY minute, n DESC, f_code",
			dsl: `{"query":{"bool":{"filter":[{"term":{"kind":"transaction"}},{"range":{"time":{"gte":$1}}}]}},"size":0,"track_total_hits":10001,
				"aggs":{"minute":{"date_histogram":{"field":"time","fixed_interval":"60000ms","min_doc_count":1},"aggs":{"code":{"terms":{"field":"code","size":10}}}}}}`,
		},
	}
}
