package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// How many terms each shard names at first and at most, beside those asked for.
const (
	defaultShardSize = 0 // as Elasticsearch chooses
	maxShardSize     = 1_000_000
)

// aggregations are those that one request can compute exactly, by their place in
// the list.
func (s *searching) aggregations(list []query.Aggregation, shardSize int) object {
	out := object{}
	for i := range list {
		if one := s.one(&list[i], shardSize); one != nil {
			out[strconv.Itoa(i)] = one
		}
	}
	return out
}

func (s *searching) one(a *query.Aggregation, shardSize int) object {
	f, _ := s.schema.Field(a.Field)
	switch a.Op {
	case query.OpCount:
		if a.Field == "" {
			return object{"filter": object{"match_all": object{}}}
		}
		name := f.Name
		if f.Type == document.Text {
			name = wordsOf(name)
		}
		return object{"filter": object{"exists": object{"field": name}}}
	case query.OpSum, query.OpMin, query.OpMax, query.OpAvg:
		return object{"stats": object{"field": ordered(f)}}
	case query.OpTerms:
		terms := object{"field": f.Name, "size": a.TermSize(), "show_term_doc_count_error": true}
		if shardSize > 0 {
			terms["shard_size"] = max(shardSize, a.TermSize())
		}
		return s.withInner(object{"terms": terms}, a, shardSize)
	case query.OpHistogram:
		return s.withInner(object{"date_histogram": object{
			"field": f.Name, "fixed_interval": strconv.FormatInt(a.Interval.Milliseconds(), 10) + "ms", "min_doc_count": 1,
		}}, a, shardSize)
	case query.OpPercentiles, query.OpCardinality: // see distinct
	}
	return nil
}

func (s *searching) withInner(o object, a *query.Aggregation, shardSize int) object {
	if inner := s.aggregations(a.Within, shardSize); len(inner) > 0 {
		o["aggs"] = inner
	}
	return o
}

// answered is any of the aggregations as Elasticsearch answers it.
type answered struct {
	DocCount int64    `json:"doc_count"`
	Count    int64    `json:"count"`
	Sum      *float64 `json:"sum"`
	Min      *float64 `json:"min"`
	Max      *float64 `json:"max"`
	Avg      *float64 `json:"avg"`
	// Error bounds how many documents a term may have that is not listed.
	Error   int64                        `json:"doc_count_error_upper_bound"`
	Buckets []map[string]json.RawMessage `json:"buckets"`
}

// errInexact tells that shards named too few terms.
var errInexact = fmt.Errorf("%w: terms of too many shards", query.ErrTooManyGroups)

// aggregate reads the aggregations of a first answer, asks again until they are
// exact, and adds those that need more.
func (s *searching) aggregate(ctx context.Context, list []query.Aggregation, first *found) ([]query.Aggregate, error) {
	if len(list) == 0 {
		return nil, nil
	}
	r := &reading{schema: s.schema, made: map[*query.Aggregation]int{}}
	out, err := r.list(list, first.Aggregations)
	for size := 10 * query.DefaultBuckets; r.inexact && err == nil; size *= 10 {
		if size > maxShardSize {
			return nil, errInexact
		}
		again, failed := s.ask(ctx, "aggregate", object{"size": 0, "track_total_hits": false, "aggs": s.aggregations(list, size)})
		if failed != nil {
			return nil, failed
		}
		r = &reading{schema: s.schema, made: map[*query.Aggregation]int{}}
		out, err = r.list(list, again.Aggregations)
	}
	if err != nil {
		return nil, err
	}
	return out, s.distinct(ctx, list, nil, map[string][]query.Aggregate{"": out})
}

// reading reads aggregations.
type reading struct {
	schema  *document.Schema
	made    map[*query.Aggregation]int // buckets
	inexact bool
}

func (r *reading) list(list []query.Aggregation, from map[string]json.RawMessage) ([]query.Aggregate, error) {
	out := make([]query.Aggregate, len(list))
	for i := range list {
		raw, ok := from[strconv.Itoa(i)]
		if !ok {
			continue
		}
		var a answered
		err := json.Unmarshal(raw, &a)
		if err == nil {
			out[i], err = r.one(&list[i], &a)
		}
		if err != nil {
			return nil, fmt.Errorf("%s of %s: %w", list[i].Op, list[i].Field, err)
		}
	}
	return out, nil
}

func (r *reading) one(a *query.Aggregation, from *answered) (query.Aggregate, error) {
	switch a.Op {
	case query.OpCount:
		n := float64(from.DocCount)
		return query.Aggregate{Value: &n}, nil
	case query.OpSum:
		if from.Count == 0 {
			return query.Aggregate{}, nil
		}
		return query.Aggregate{Value: from.Sum}, nil
	case query.OpMin:
		return query.Aggregate{Value: from.Min}, nil
	case query.OpMax:
		return query.Aggregate{Value: from.Max}, nil
	case query.OpAvg:
		return query.Aggregate{Value: from.Avg}, nil
	case query.OpTerms, query.OpHistogram:
		buckets, err := r.buckets(a, from)
		return query.Aggregate{Buckets: buckets}, err
	case query.OpPercentiles, query.OpCardinality:
	}
	return query.Aggregate{}, nil
}

func (r *reading) buckets(a *query.Aggregation, from *answered) ([]query.Bucket, error) {
	f, _ := r.schema.Field(a.Field)
	var out []query.Bucket
	for _, raw := range from.Buckets {
		if r.made[a]++; r.made[a] > query.MaxBuckets {
			return nil, query.ErrTooManyGroups
		}
		b, err := r.bucket(a, f, raw)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	// A term that no shard named has fewer documents than the last that is listed,
	// or else may be missing.
	if a.Op == query.OpTerms && from.Error > 0 && (len(out) < a.TermSize() || from.Error >= out[len(out)-1].Count) {
		r.inexact = true
	}
	return out, nil
}

func (r *reading) bucket(a *query.Aggregation, f document.Field, raw map[string]json.RawMessage) (query.Bucket, error) {
	var b query.Bucket
	var err error
	if f.Type == document.Keyword {
		err = json.Unmarshal(raw["key"], &b.Text)
	} else {
		b.Number, err = wholeNumber(raw["key"])
	}
	if err != nil {
		return b, fmt.Errorf("read the key of a bucket: %w", err)
	}
	if err := json.Unmarshal(raw["doc_count"], &b.Count); err != nil {
		return b, fmt.Errorf("read the count of a bucket: %w", err)
	}
	if missed, ok := raw["doc_count_error_upper_bound"]; ok && !bytes.Equal(missed, []byte("0")) {
		r.inexact = true
	}
	b.Within, err = r.list(a.Within, raw)
	if len(a.Within) == 0 {
		b.Within = nil
	}
	return b, err
}

// wholeNumber reads a key that is a whole number, which some aggregations write
// with a point.
func wholeNumber(raw json.RawMessage) (int64, error) {
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, nil
	}
	x, err := strconv.ParseFloat(string(raw), 64)
	return int64(x), err
}
