package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// level is the buckets around an aggregation: by what documents are grouped, and
// the keys of those that are kept.
type level struct {
	group string // an expression over documents, and over the list joined for it
	join  string // of the list, with its parameters
	joins []any
	keep  string // JSON list of the keys; empty: all
}

// aggregate computes aggregations over all that is found: one statement each,
// whatever the number of buckets around it.
func (s *searching) aggregate(ctx context.Context, list []query.Aggregation) ([]query.Aggregate, error) {
	root := &bucket{}
	if err := s.within(ctx, list, nil, map[string]*bucket{"": root}); err != nil {
		return nil, err
	}
	return root.result(), nil
}

// bucket is a bucket while its insides are computed.
type bucket struct {
	query.Bucket

	within  []query.Aggregate
	buckets [][]*bucket // of each aggregation within
}

func (b *bucket) result() []query.Aggregate {
	for i, inner := range b.buckets {
		for _, one := range inner {
			one.Within = one.result()
			b.within[i].Buckets = append(b.within[i].Buckets, one.Bucket)
		}
	}
	return b.within
}

// within computes the aggregations for buckets, which are known by their path.
func (s *searching) within(ctx context.Context, list []query.Aggregation, levels []level, buckets map[string]*bucket) error {
	for _, b := range buckets {
		b.within = make([]query.Aggregate, len(list))
		b.buckets = make([][]*bucket, len(list))
	}
	for i := range list {
		a := &list[i]
		f, _ := s.schema.Field(a.Field)
		var err error
		switch {
		case a.Op.Buckets():
			err = s.grouped(ctx, a, f, i, levels, buckets)
		case a.Op == query.OpPercentiles:
			err = s.percentiles(ctx, a, f, i, levels, buckets)
		default:
			err = s.metric(ctx, a, f, i, levels, buckets)
		}
		if err != nil {
			return fmt.Errorf("%s of %s: %w", a.Op, a.Field, err)
		}
	}
	return nil
}

// statement begins a statement over the documents found: the keys of the levels
// as k0, k1, … and what else is selected.
func (s *searching) statement(levels []level, selected string) (text string, args []any) {
	var keys strings.Builder
	from, where := " FROM documents", " WHERE "+s.where
	var joins, kept []any
	for i, l := range levels {
		fmt.Fprintf(&keys, "%s AS k%d, ", l.group, i)
		from += strings.ReplaceAll(l.join, "$", fmt.Sprint(i))
		joins = append(joins, l.joins...)
		where += " AND " + l.group + " IS NOT NULL"
		if l.keep != "" {
			where += " AND " + l.group + " IN (SELECT value FROM json_each(?))"
			kept = append(kept, l.keep)
		}
	}
	return "SELECT " + keys.String() + selected + from + where, append(append(joins, s.args...), kept...)
}

func groupBy(levels int) string {
	if levels == 0 {
		return ""
	}
	return " GROUP BY " + names(levels)
}

// names are those of the first n keys.
func names(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint("k", i)
	}
	return strings.Join(list, ", ")
}

// levelOf is the level that an aggregation adds as the n-th.
func levelOf(a *query.Aggregation, f document.Field, n int) level {
	c := column(f.Name)
	switch {
	case a.Op == query.OpHistogram:
		ms := a.Interval.Milliseconds()
		// Rounded down, also before 1970.
		return level{group: fmt.Sprintf("(%s - ((%s %% %d) + %d) %% %d)", c, c, ms, ms, ms)}
	case f.Many:
		return level{
			group: fmt.Sprintf("l%d.value", n),
			join:  " JOIN lists AS l$ ON l$.doc = documents.doc AND l$.field = ?", joins: []any{f.Name},
		}
	}
	return level{group: c}
}

// visit reads rows of keys, then of what into returns; the path names the keys.
func (s *searching) visit(ctx context.Context, keys int, text string, args []any, into []any, row func(path []any) error) (err error) {
	rows, err := s.tx.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	path := make([]any, keys)
	all := make([]any, keys, keys+len(into))
	for i := range path {
		all[i] = &path[i]
	}
	all = append(all, into...)
	for rows.Next() {
		if err := rows.Scan(all...); err != nil {
			return err
		}
		if err := row(path); err != nil {
			return err
		}
	}
	return rows.Err()
}

// pathOf is a path as a key of a map.
func pathOf(keys []any) string {
	if len(keys) == 0 {
		return ""
	}
	b, _ := json.Marshal(keys) // strings and whole numbers
	return string(b)
}

// grouped makes the buckets of terms and histograms, and what is within them.
func (s *searching) grouped(
	ctx context.Context, a *query.Aggregation, f document.Field, place int, levels []level, buckets map[string]*bucket,
) error {
	inner := append(append([]level{}, levels...), levelOf(a, f, len(levels)))
	text, args := s.statement(inner, "count(*) AS n")
	text += groupBy(len(inner))
	n := len(inner)
	last := fmt.Sprintf("k%d", n-1)
	order := last
	if a.Op == query.OpTerms {
		order = "n DESC, " + last
		over := ""
		if n > 1 {
			over = "PARTITION BY " + names(n-1) + " "
		}
		text = "SELECT * FROM (SELECT *, row_number() OVER (" + over + "ORDER BY n DESC, " + last + ") AS place FROM (" + text + ")) WHERE place <= ?"
		args = append(args, a.TermSize())
	} else {
		text = "SELECT *, 0 AS place FROM (" + text + ")"
	}
	text += " ORDER BY " + order + " LIMIT ?"
	args = append(args, query.MaxBuckets+1)
	var count, unused int64
	made, kept := map[string]*bucket{}, map[any]bool{}
	err := s.visit(ctx, n, text, args, []any{&count, &unused}, func(path []any) error {
		around, ok := buckets[pathOf(path[:n-1])]
		if !ok {
			return nil
		}
		b := &bucket{Bucket: query.Bucket{Count: count}}
		switch key := path[n-1].(type) {
		case int64:
			b.Number = key
		case string:
			b.Text = key
		}
		if len(made) == query.MaxBuckets {
			return query.ErrTooManyGroups
		}
		made[pathOf(path)], kept[path[n-1]] = b, true
		around.buckets[place] = append(around.buckets[place], b)
		return nil
	})
	if err != nil || len(a.Within) == 0 || len(made) == 0 {
		return err
	}
	if a.Op == query.OpTerms {
		keys := make([]any, 0, len(kept))
		for k := range kept {
			keys = append(keys, k)
		}
		b, err := json.Marshal(keys)
		if err != nil {
			return err
		}
		inner[n-1].keep = string(b)
	}
	return s.within(ctx, a.Within, inner, made)
}

// metric computes a number for each bucket.
func (s *searching) metric(
	ctx context.Context, a *query.Aggregation, f document.Field, place int, levels []level, buckets map[string]*bucket,
) error {
	selected := map[query.Op]string{
		query.OpCount: "count(%s)", query.OpSum: "sum(CAST(%s AS REAL))", query.OpMin: "min(CAST(%s AS REAL))", query.OpMax: "max(CAST(%s AS REAL))",
		query.OpAvg: "avg(CAST(%s AS REAL))", query.OpCardinality: "count(DISTINCT %s)",
	}[a.Op]
	c := "*"
	if a.Field != "" {
		c = ordered(f)
	}
	using := levels
	if f.Many && a.Op == query.OpCardinality {
		using = append(append([]level{}, levels...), levelOf(a, f, len(levels)))
		c = using[len(levels)].group
	}
	text, args := s.statement(using, fmt.Sprintf(selected, c)+" AS x")
	if a.Op == query.OpCount || a.Op == query.OpCardinality { // of nothing it is 0
		for _, b := range buckets {
			b.within[place].Value = new(float64)
		}
	}
	var x sql.NullFloat64
	return s.visit(ctx, len(using), text+groupBy(len(levels)), args, []any{&x}, func(path []any) error {
		if b, ok := buckets[pathOf(path[:len(levels)])]; ok && x.Valid {
			value := x.Float64
			b.within[place].Value = &value
		}
		return nil
	})
}

// percentiles finds values by nearest rank: of n values in order that with the
// number ⌈n·p/100⌉.
func (s *searching) percentiles(
	ctx context.Context, a *query.Aggregation, f document.Field, place int, levels []level, buckets map[string]*bucket,
) error {
	tenths := make([]int, len(a.PercentList()))
	for i, p := range a.PercentList() {
		tenths[i] = int(p * 10)
	}
	list, err := json.Marshal(tenths)
	if err != nil {
		return err
	}
	inner, args := s.statement(levels, "CAST("+ordered(f)+" AS REAL) AS x")
	inner += " AND " + ordered(f) + " IS NOT NULL"
	over := ""
	if len(levels) > 0 {
		over = "PARTITION BY " + names(len(levels)) + " "
	}
	ranked := "SELECT *, row_number() OVER (" + over + "ORDER BY x) AS place, count(*) OVER (" + over + ") AS n FROM (" + inner + ")"
	keys := ""
	if len(levels) > 0 {
		keys = names(len(levels)) + ", "
	}
	text := "SELECT " + keys + "p.value, x FROM (" + ranked + ") JOIN json_each(?) AS p ON place = (n * p.value + 999) / 1000 ORDER BY p.value"
	var tenth int64
	var x float64
	return s.visit(ctx, len(levels), text, append(args, string(list)), []any{&tenth, &x}, func(path []any) error {
		if b, ok := buckets[pathOf(path)]; ok {
			b.within[place].Values = append(b.within[place].Values, query.Percentile{Percent: float64(tenth) / 10, Value: x})
		}
		return nil
	})
}
