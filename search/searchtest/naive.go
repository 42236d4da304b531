package searchtest

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// Naive is an index that looks at every document.
type Naive struct {
	Schema    *document.Schema
	Documents map[string]document.Document
}

// NewNaive returns an empty one.
func NewNaive(schema *document.Schema) *Naive {
	return &Naive{Schema: schema, Documents: map[string]document.Document{}}
}

// Apply keeps the newest version of each document.
func (x *Naive) Apply(list []document.Document) {
	for _, d := range list {
		if old, ok := x.Documents[d.Key()]; !ok || old.Height <= d.Height {
			x.Documents[d.Key()] = d
		}
	}
}

// Search returns what an index must answer, but for cursor and checkpoint.
func (x *Naive) Search(r *query.Request) (*query.Answer, error) {
	order, err := r.Check(x.Schema)
	if err != nil {
		return nil, err
	}
	var found []document.Document
	for _, d := range x.Documents {
		if x.Matches(r.Filter(), &d) {
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(a, b document.Document) int {
		u, v := query.SortValue(&a, order.Field), query.SortValue(&b, order.Field)
		switch {
		case u == nil && v == nil:
		case u == nil:
			return 1
		case v == nil:
			return -1
		default:
			c := compare(u, v)
			if !order.Ascending {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return strings.Compare(a.Key(), b.Key())
	})
	answer := &query.Answer{Total: min(len(found), query.MaxTotal), More: len(found) > query.MaxTotal}
	answer.Hits = found[:min(len(found), r.Limit)]
	answer.Aggregates = x.aggregate(r.Aggregate, found)
	return answer, nil
}

func compare(a, b any) int {
	switch a := a.(type) {
	case string:
		return strings.Compare(a, b.(string))
	case int64:
		return cmp.Compare(a, b.(int64))
	case float64:
		return cmp.Compare(a, b.(float64))
	case bool:
		x, y := 0, 0
		if a {
			x = 1
		}
		if b.(bool) {
			y = 1
		}
		return x - y
	}
	panic("searchtest: no order")
}

// values returns what a document's field holds.
func (x *Naive) values(d *document.Document, name string) []any {
	f, _ := x.Schema.Field(name)
	if list, ok := d.Fields[name].([]string); ok {
		out := make([]any, len(list))
		for i, v := range list {
			out[i] = v
		}
		return out
	}
	if v := query.SortValue(d, document.Field{Name: f.Name, Type: document.Keyword}); v != nil {
		return []any{v}
	}
	return nil
}

// Matches reports whether a document is one that the tree finds.
func (x *Naive) Matches(n query.Node, d *document.Document) bool {
	matches := func(m query.Node) bool { return x.Matches(m, d) }
	switch n := n.(type) {
	case query.All:
		return true
	case query.And:
		return !slices.ContainsFunc(n.Nodes, func(m query.Node) bool { return !matches(m) })
	case query.Or:
		return slices.ContainsFunc(n.Nodes, matches)
	case query.Not:
		return !matches(n.Node)
	case query.Exists:
		return len(x.values(d, n.Field)) > 0
	case query.Equal:
		return slices.Contains(x.values(d, n.Field), n.Value)
	case query.In:
		return slices.ContainsFunc(x.values(d, n.Field), func(v any) bool { return slices.Contains(n.Values, v.(string)) })
	case query.Prefix:
		return slices.ContainsFunc(x.values(d, n.Field), func(v any) bool { return strings.HasPrefix(v.(string), n.Text) })
	case query.Range:
		f, _ := x.Schema.Field(n.Field)
		v := query.SortValue(d, f)
		return v != nil && inside(v, n)
	case query.Words:
		return x.hasWords(n, d)
	}
	panic("searchtest: unknown node")
}

func inside(v any, n query.Range) bool {
	if n.From != nil {
		if c := compare(v, n.From); c < 0 || c == 0 && n.FromOpen {
			return false
		}
	}
	if n.To != nil {
		if c := compare(v, n.To); c > 0 || c == 0 && n.ToOpen {
			return false
		}
	}
	return true
}

func (x *Naive) hasWords(n query.Words, d *document.Document) bool {
	for _, f := range x.Schema.Fields() {
		text, ok := d.Fields[f.Name].(string)
		if f.Type != document.Text || !ok || n.Field != "" && n.Field != f.Name {
			continue
		}
		spans := document.Spans(text)
		for at := range spans {
			if n.At(spans[at:]) {
				return true
			}
		}
	}
	return false
}

func (x *Naive) aggregate(list []query.Aggregation, found []document.Document) []query.Aggregate {
	var out []query.Aggregate
	for i := range list {
		out = append(out, x.one(&list[i], found))
	}
	return out
}

func (x *Naive) one(a *query.Aggregation, found []document.Document) query.Aggregate {
	f, _ := x.Schema.Field(a.Field)
	if a.Op.Buckets() {
		return query.Aggregate{Buckets: x.buckets(a, found)}
	}
	count := len(found)
	var numbers []float64
	different := map[any]bool{}
	if a.Field != "" {
		count = 0
		for i := range found {
			all := x.values(&found[i], a.Field)
			if len(all) > 0 {
				count++
			}
			for _, v := range all {
				different[v] = true
			}
			switch v := query.SortValue(&found[i], f).(type) {
			case int64:
				numbers = append(numbers, float64(v))
			case float64:
				numbers = append(numbers, v)
			}
		}
	}
	slices.Sort(numbers)
	value := func(v float64) query.Aggregate { return query.Aggregate{Value: &v} }
	switch a.Op {
	case query.OpCount:
		return value(float64(count))
	case query.OpCardinality:
		return value(float64(len(different)))
	default:
	}
	if len(numbers) == 0 {
		return query.Aggregate{}
	}
	sum := 0.0
	for _, v := range numbers {
		sum += v
	}
	switch a.Op {
	case query.OpSum:
		return value(sum)
	case query.OpAvg:
		return value(sum / float64(len(numbers)))
	case query.OpMin:
		return value(numbers[0])
	case query.OpMax:
		return value(numbers[len(numbers)-1])
	case query.OpPercentiles:
		var out query.Aggregate
		for _, p := range a.PercentList() {
			rank := int(math.Ceil(float64(len(numbers)) * math.Round(p*10) / 1000))
			out.Values = append(out.Values, query.Percentile{Percent: p, Value: numbers[rank-1]})
		}
		return out
	default:
		panic("searchtest: unknown aggregation " + string(a.Op))
	}
}

func (x *Naive) buckets(a *query.Aggregation, found []document.Document) []query.Bucket {
	groups := map[any][]document.Document{}
	for _, d := range found {
		for _, v := range x.values(&d, a.Field) {
			if a.Op == query.OpHistogram {
				ms := a.Interval.Milliseconds()
				v = int64(math.Floor(float64(v.(int64))/float64(ms))) * ms
			}
			groups[v] = append(groups[v], d)
		}
	}
	var out []query.Bucket
	for v, list := range groups {
		b := query.Bucket{Count: int64(len(list)), Within: x.aggregate(a.Within, list)}
		if text, ok := v.(string); ok {
			b.Text = text
		} else {
			b.Number = v.(int64)
		}
		out = append(out, b)
	}
	slices.SortFunc(out, func(p, q query.Bucket) int {
		byKey := cmp.Or(strings.Compare(p.Text, q.Text), cmp.Compare(p.Number, q.Number))
		if a.Op == query.OpHistogram {
			return byKey
		}
		return cmp.Or(cmp.Compare(q.Count, p.Count), byKey)
	})
	if a.Op == query.OpTerms {
		out = out[:min(len(out), a.TermSize())]
	}
	return out
}
