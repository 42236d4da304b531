package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/indexer"
	"github.com/librum/librum/search/query"
)

// asker asks a question by hand. The answer is how many there are, and keys of
// hits or buckets.
type asker interface {
	ask(ctx context.Context, q *searchQuestion, value string) (total int, answer []string, err error)
	close() error
}

// ask asks every question by turns, and by hand, and compares the answers.
func (b *benchSearch) ask(ctx context.Context, of benchIndex, x indexer.Index, schema *document.Schema) (results []benchResult, err error) {
	byHand, err := of.asker(ctx, "load")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, byHand.close()) }()
	for _, q := range searchQuestions() {
		r, err := b.askOne(ctx, of, x, schema, byHand, &q)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
		results = append(results, r)
	}
	return results, nil
}

func (b *benchSearch) askOne(
	ctx context.Context, of benchIndex, x indexer.Index, schema *document.Schema, byHand asker, q *searchQuestion,
) (result benchResult, err error) {
	const warm = 5 // that are not counted
	var times, hand []time.Duration
	cpu, found := time.Duration(0), 0
	for n := range b.questions + warm {
		value := q.change(n, b.transactions/benchBlock)
		var total, wantTotal int
		var ours, want []string
		var took, tookByHand, used time.Duration
		both := []func() error{
			func() (err error) {
				begin := time.Now()
				wantTotal, want, err = byHand.ask(ctx, q, value)
				tookByHand = time.Since(begin)
				return err
			},
			func() (err error) {
				cpuBefore, err := processCPU()
				if err != nil {
					return err
				}
				begin := time.Now()
				total, ours, err = askIndex(ctx, x, schema, q, value)
				took = time.Since(begin)
				if err != nil {
					return err
				}
				cpuAfter, err := processCPU()
				used = cpuAfter - cpuBefore
				return err
			},
		}
		// What is cold is paid before; then each comes first every other time.
		if _, _, err := byHand.ask(ctx, q, value); err != nil {
			return result, fmt.Errorf("by hand: %w", err)
		}
		if n%2 == 0 {
			slices.Reverse(both)
		}
		for _, ask := range both {
			if err := ask(); err != nil {
				return result, err
			}
		}
		if total != min(wantTotal, query.MaxTotal) || !slices.Equal(ours, want) {
			return result, fmt.Errorf("of %s the index finds %d, %.5v; by hand there are %d, %.5v", value, total, ours, wantTotal, want)
		}
		if n >= warm {
			times, hand, cpu, found = append(times, took), append(hand, tookByHand), cpu+used, found+total
		}
	}
	rss, err := peakRSS()
	if err != nil {
		return result, err
	}
	p50, bound := percentile(times, .5), percentile(hand, .5)
	return benchResult{
		What: "search ask", RatePerS: 1e3 / p50, P50Ms: p50, P99Ms: percentile(times, .99),
		CPUUsPerUnit: float64(cpu.Microseconds()) / float64(len(times)), PeakRSSBytes: rss,
		Bound: bound, BoundName: "ms, p50 of the same question by hand; the ratio is that of the times", RatioToBound: p50 / bound,
		Conditions: fmt.Sprintf("%s, %s, over the documents of %d transfers: asked %d times with warm caches, each time of something else, %d hits counted on average, answers compared",
			of.name(), q.name, b.transactions, len(times), found/len(times)),
		unit: "questions",
	}, nil
}

func askIndex(ctx context.Context, x indexer.Index, schema *document.Schema, q *searchQuestion, value string) (int, []string, error) {
	tree, err := query.Parse(strings.ReplaceAll(q.query, "$1", value), schema)
	if err != nil {
		return 0, nil, err
	}
	answer, err := x.Search(ctx, &query.Request{Query: tree, Sort: q.sort, Limit: q.limit, Aggregate: q.aggregate})
	if err != nil {
		return 0, nil, err
	}
	var out []string
	for i := range answer.Hits {
		out = append(out, answer.Hits[i].Key())
	}
	for _, a := range answer.Aggregates {
		for _, outer := range a.Buckets {
			for _, inner := range outer.Within[0].Buckets {
				out = append(out, bucketText(outer.Number, inner.Text, inner.Count))
			}
		}
	}
	return answer.Total, out, nil
}

func bucketText(number int64, text string, count int64) string {
	return fmt.Sprintf("%d %s %d", number, text, count)
}

// askSQL asks the index's own file.
type askSQL struct{ db *sql.DB }

func (s *benchSQLite) asker(context.Context, string) (asker, error) {
	db, err := sql.Open("sqlite", "file:"+s.path("load")+"?_pragma=query_only(1)&_pragma=cache_size(-8192)&_pragma=temp_store(MEMORY)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return &askSQL{db}, nil
}

func (s *askSQL) close() error { return s.db.Close() }

func (s *askSQL) ask(ctx context.Context, q *searchQuestion, value string) (total int, answer []string, err error) {
	text, args := forSQL(q.count, value)
	if err := s.db.QueryRowContext(ctx, text, args...).Scan(&total); err != nil {
		return 0, nil, err
	}
	text, args = forSQL(q.hits+q.buckets, value) // one of them
	rows, err := s.db.QueryContext(ctx, text, args...)
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return 0, nil, err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return 0, nil, err
		}
		if q.buckets == "" {
			answer = append(answer, fmt.Sprint(values[0]))
			continue
		}
		number, _ := values[0].(int64)
		count, _ := values[2].(int64)
		answer = append(answer, bucketText(number, fmt.Sprint(values[1]), count))
	}
	return total, answer, rows.Err()
}

// askDSL asks the server, with connections that stay open.
type askDSL struct {
	of  *benchElastic
	url string
}

func (e *benchElastic) asker(_ context.Context, name string) (asker, error) {
	return &askDSL{e, "/" + e.prefix + "-" + name + "-v1/_search?filter_path=hits.total,hits.hits._source,aggregations"}, nil
}

func (*askDSL) close() error { return nil }

func (d *askDSL) ask(ctx context.Context, q *searchQuestion, value string) (int, []string, error) {
	var answer struct {
		Hits struct {
			Total struct {
				Value int `json:"value"`
			} `json:"total"`
			Hits []struct {
				Source map[string]any `json:"_source"`
			} `json:"hits"`
		} `json:"hits"`
		Aggregations struct {
			Minute struct {
				Buckets []struct {
					Key  int64 `json:"key"`
					Code struct {
						Buckets []struct {
							Key   string `json:"key"`
							Count int64  `json:"doc_count"`
						} `json:"buckets"`
					} `json:"code"`
				} `json:"buckets"`
			} `json:"minute"`
		} `json:"aggregations"`
	}
	if err := d.of.call(ctx, http.MethodPost, d.url, []byte(strings.ReplaceAll(q.dsl, "$1", value)), &answer); err != nil {
		return 0, nil, err
	}
	var out []string
	for _, h := range answer.Hits.Hits {
		out = append(out, fmt.Sprint(h.Source["documentKey"]))
	}
	for _, m := range answer.Aggregations.Minute.Buckets {
		for _, c := range m.Code.Buckets {
			out = append(out, bucketText(m.Key, c.Key, c.Count))
		}
	}
	return answer.Hits.Total.Value, out, nil
}

// call asks the server what no index asks.
func (e *benchElastic) call(ctx context.Context, method, path string, body []byte, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, e.server+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	if !strings.Contains(path, "_bulk") {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := e.web.Do(r)
	if err != nil {
		return err
	}
	const most = 64 << 20
	text, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return err
	}
	if answer.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %s: %.300s", method, path, answer.Status, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// close removes what was made.
func (e *benchElastic) close(ctx context.Context) error {
	var indices []struct {
		Name string `json:"index"`
	}
	errs := []error{e.call(ctx, http.MethodGet, "/_cat/indices/"+e.prefix+"-*?h=index&format=json", nil, &indices)}
	for _, i := range indices {
		errs = append(errs, e.call(ctx, http.MethodDelete, "/"+i.Name, nil, nil))
	}
	if len(indices) > 0 { // else nothing could be made
		errs = append(errs, e.call(ctx, http.MethodDelete, "/_index_template/"+e.prefix+"-*", nil, nil))
	}
	e.web.CloseIdleConnections()
	return errors.Join(errs...)
}
