package elastic

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// MaxDistinct is how many different values, in all buckets together, percentiles
// and cardinality are computed from. Elasticsearch's own would be approximate.
const MaxDistinct = 1_000_000

// distinctPage is how many of them are read at once.
const distinctPage = 10_000

// level is the buckets around an aggregation.
type level struct {
	field  document.Field
	source object // of a composite aggregation
	keep   []any  // keys of the buckets that are kept; nil: all
}

// pathOf names a bucket by its key and those of the buckets around it.
func pathOf(keys []any) string {
	if len(keys) == 0 {
		return ""
	}
	b, _ := json.Marshal(keys) // strings and whole numbers
	return string(b)
}

// distinct computes percentiles and cardinality for groups, which are the
// aggregates of each bucket by its path.
func (s *searching) distinct(ctx context.Context, list []query.Aggregation, levels []level, groups map[string][]query.Aggregate) error {
	for i := range list {
		a := &list[i]
		f, _ := s.schema.Field(a.Field)
		var err error
		switch {
		case a.Op == query.OpPercentiles || a.Op == query.OpCardinality:
			err = s.counted(ctx, a, f, i, levels, groups)
		case a.Op.Buckets() && needsDistinct(a.Within):
			err = s.inner(ctx, a, f, i, levels, groups)
		}
		if err != nil {
			return fmt.Errorf("%s of %s: %w", a.Op, a.Field, err)
		}
	}
	return nil
}

func needsDistinct(list []query.Aggregation) bool {
	for i := range list {
		if op := list[i].Op; op == query.OpPercentiles || op == query.OpCardinality || needsDistinct(list[i].Within) {
			return true
		}
	}
	return false
}

// inner goes into the buckets of an aggregation.
func (s *searching) inner(ctx context.Context, a *query.Aggregation, f document.Field, place int, levels []level, groups map[string][]query.Aggregate) error {
	l := level{field: f, source: object{"terms": object{"field": f.Name}}}
	if a.Op == query.OpHistogram {
		l.source = object{"date_histogram": object{"field": f.Name, "fixed_interval": strconv.FormatInt(a.Interval.Milliseconds(), 10) + "ms"}}
	}
	inside := map[string][]query.Aggregate{}
	kept := map[any]bool{}
	for path, list := range groups {
		for _, b := range list[place].Buckets {
			key := any(b.Number)
			if f.Type == document.Keyword {
				key = b.Text
			}
			inside[within(path, key)] = b.Within
			if a.Op == query.OpTerms && !kept[key] {
				kept[key] = true
				l.keep = append(l.keep, key)
			}
		}
	}
	if len(inside) == 0 {
		return nil
	}
	return s.distinct(ctx, a.Within, append(append([]level{}, levels...), l), inside)
}

// within is the path of a bucket in another.
func within(path string, key any) string {
	one := pathOf([]any{key})
	if path == "" {
		return one
	}
	return path[:len(path)-1] + "," + one[1:]
}

// value is a distinct value of numbers and how many documents have it.
type value struct {
	number float64
	count  int64
}

// counted reads all distinct values of a field in all groups, ascending.
func (s *searching) counted(ctx context.Context, a *query.Aggregation, f document.Field, place int, levels []level, groups map[string][]query.Aggregate) error {
	numbers, different := map[string][]value{}, map[string]int{}
	err := s.composite(ctx, f, levels, func(path string, raw json.RawMessage, count int64) error {
		if _, ok := groups[path]; !ok {
			return nil
		}
		different[path]++
		if a.Op == query.OpCardinality {
			return nil
		}
		x, err := strconv.ParseFloat(string(raw), 64)
		numbers[path] = append(numbers[path], value{x, count})
		return err
	})
	if err != nil {
		return err
	}
	for path, list := range groups {
		if a.Op == query.OpCardinality {
			n := float64(different[path])
			list[place].Value = &n
			continue
		}
		list[place].Values = percentiles(numbers[path], a.PercentList())
	}
	return nil
}

// percentiles are by nearest rank: of n values in order that with the number
// ⌈n·p/100⌉.
func percentiles(list []value, percents []float64) []query.Percentile {
	n := int64(0)
	for _, v := range list {
		n += v.count
	}
	if n == 0 {
		return nil
	}
	out := make([]query.Percentile, len(percents))
	for i, p := range percents {
		rank := (n*int64(p*10) + 999) / 1000
		below := int64(0)
		for _, v := range list {
			if below += v.count; below >= rank {
				out[i] = query.Percentile{Percent: p, Value: v.number}
				break
			}
		}
	}
	return out
}

// composite visits the distinct values of a field in each group, page by page.
func (s *searching) composite(ctx context.Context, f document.Field, levels []level, visit func(path string, value json.RawMessage, count int64) error) error {
	var sources, conditions []object
	for i, l := range levels {
		sources = append(sources, object{"k" + strconv.Itoa(i): l.source})
		if l.keep != nil {
			conditions = append(conditions, object{"terms": object{l.field.Name: l.keep}})
		}
	}
	sources = append(sources, object{"value": object{"terms": object{"field": ordered(f)}}})
	pages := object{"size": distinctPage, "sources": sources}
	request := func() object {
		return object{
			"size": 0, "track_total_hits": false, "query": filtered(append(conditions, s.filter)...),
			"aggs": object{"all": object{"composite": pages}},
		}
	}
	for seen := 0; ; {
		answer, err := s.ask(ctx, "read the distinct values", request())
		if err != nil {
			return err
		}
		var page struct {
			After   json.RawMessage `json:"after_key"`
			Buckets []struct {
				Key   map[string]json.RawMessage `json:"key"`
				Count int64                      `json:"doc_count"`
			} `json:"buckets"`
		}
		if raw, ok := answer.Aggregations["all"]; ok {
			if err := json.Unmarshal(raw, &page); err != nil {
				return fmt.Errorf("read the distinct values: %w", err)
			}
		}
		if seen += len(page.Buckets); seen > MaxDistinct {
			return fmt.Errorf("%w: more than %d different values", query.ErrTooManyGroups, MaxDistinct)
		}
		for _, b := range page.Buckets {
			path, err := pathIn(b.Key, levels)
			if err == nil {
				err = visit(path, b.Key["value"], b.Count)
			}
			if err != nil {
				return fmt.Errorf("read a distinct value: %w", err)
			}
		}
		if len(page.Buckets) < distinctPage {
			return nil
		}
		pages["after"] = page.After
	}
}

// pathIn is the path of the group that a composite key stands in.
func pathIn(key map[string]json.RawMessage, levels []level) (string, error) {
	path := make([]any, len(levels))
	for i, l := range levels {
		raw := key["k"+strconv.Itoa(i)]
		if l.field.Type == document.Keyword {
			var text string
			if err := json.Unmarshal(raw, &text); err != nil {
				return "", err
			}
			path[i] = text
			continue
		}
		n, err := wholeNumber(raw)
		if err != nil {
			return "", err
		}
		path[i] = n
	}
	return pathOf(path), nil
}
