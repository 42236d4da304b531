package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// Search answers a request. When ctx ends, the connection is closed, and
// Elasticsearch ends what it does for it.
func (x *Index) Search(ctx context.Context, r *query.Request) (*query.Answer, error) {
	order, err := r.Check(x.schema)
	if err != nil {
		return nil, err
	}
	filter, err := translate(r.Filter(), x.schema)
	if err != nil {
		return nil, err
	}
	if err := x.settle(ctx); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	for try := 1; ; try++ {
		v, done := x.use()
		if v == nil {
			return nil, x.notReady(ctx)
		}
		s := &searching{client: x.client, schema: x.schema, pit: v.pit, shards: v.shards, filter: filter}
		answer, err := s.answer(ctx, r, order)
		done(ctx)
		switch {
		case err == nil:
			answer.At = v.at
			return answer, nil
		case try > 1 || !isGone(err):
			return nil, fmt.Errorf("search: %w", err)
		}
		if err := x.renew(ctx, v); err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
	}
}

// notReady says why nothing can be read.
func (x *Index) notReady(ctx context.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("search: %w", context.Cause(ctx))
	}
	return query.ErrNotReady
}

// errGone tells that shards of a point in time are no longer there.
var errGone = errors.New("shards of the index are gone")

// isGone reports whether a point in time has died.
func isGone(err error) bool {
	if errors.Is(err, errGone) {
		return true
	}
	r, ok := errors.AsType[*refusal](err)
	return ok && (r.is("search_context_missing_exception") || r.Status == http.StatusNotFound)
}

// searching is a search at a point in time.
type searching struct {
	client *client
	schema *document.Schema
	pit    string
	shards int
	filter object
}

// shards says how many have answered.
type shards struct {
	Successful int `json:"successful"`
}

// found is what Elasticsearch answers.
type found struct {
	Shards shards `json:"_shards"`
	Hits   struct {
		Total struct {
			Value int `json:"value"`
		} `json:"total"`
		Hits []struct {
			Source json.RawMessage `json:"_source"`
		} `json:"hits"`
	} `json:"hits"`
	Aggregations map[string]json.RawMessage `json:"aggregations"`
}

// ask searches at the point in time; what a request leaves out is filled in.
func (s *searching) ask(ctx context.Context, doing string, request object) (*found, error) {
	request["pit"] = object{"id": s.pit, "keep_alive": keepAlive}
	if _, ok := request["query"]; !ok {
		request["query"] = filtered(s.filter)
	}
	b, err := body(request)
	if err != nil {
		return nil, err
	}
	partial := false
	answer := new(found)
	err = s.client.ask(ctx, doing, esapi.SearchRequest{
		Body: b, AllowPartialSearchResults: &partial,
		FilterPath: []string{"_shards.successful", "hits.total", "hits.hits._source", "aggregations"},
	}, answer)
	if err == nil && answer.Shards.Successful != s.shards {
		err = fmt.Errorf("%s: %w", doing, errGone)
	}
	return answer, err
}

// filtered is what all of the queries find, unscored.
func filtered(queries ...object) object { return object{"bool": object{"filter": queries}} }

func (s *searching) answer(ctx context.Context, r *query.Request, o query.Order) (*query.Answer, error) {
	place, further, err := r.Place(o)
	if err != nil {
		return nil, err
	}
	answer := new(query.Answer)
	request := object{"size": 0, "track_total_hits": query.MaxTotal + 1}
	began := !further || place.Value != nil // else only what lacks the field follows
	if r.Limit > 0 && began {
		request["size"], request["sort"] = r.Limit+1, s.sort(o)
		if further {
			request["search_after"] = []any{place.Value, place.Key}
		}
	}
	if aggregations := s.aggregations(r.Aggregate, defaultShardSize); len(aggregations) > 0 {
		request["aggs"] = aggregations
	}
	first, err := s.ask(ctx, "find", request)
	if err != nil {
		return nil, err
	}
	answer.Total = min(first.Hits.Total.Value, query.MaxTotal)
	answer.More = first.Hits.Total.Value > query.MaxTotal
	if err := s.hits(ctx, r, o, place, first, answer); err != nil {
		return nil, err
	}
	answer.Aggregates, err = s.aggregate(ctx, r.Aggregate, first)
	return answer, err
}

// sort is the order of documents that have the field; those that lack it come
// last, where they cannot be told from those that have the greatest number.
func (s *searching) sort(o query.Order) []object {
	direction := "desc"
	if o.Ascending {
		direction = "asc"
	}
	field := object{"order": direction, "missing": "_last", "unmapped_type": unmapped(o.Field.Type)}
	return []object{{ordered(o.Field): field}, {fieldKey: "asc"}}
}

// unmapped is how a field is ordered that an old generation does not have.
func unmapped(t document.Type) string {
	switch t {
	case document.Integer, document.Time:
		return "long"
	case document.Number, document.Amount:
		return "double"
	case document.Flag:
		return "boolean"
	case document.Keyword, document.Text:
	}
	return "keyword"
}

// last reports whether a value is ordered where documents without one are.
func last(value any, o query.Order) bool {
	if value == nil {
		return true
	}
	n, is := value.(int64)
	return is && (n == math.MaxInt64 && o.Ascending || n == math.MinInt64 && !o.Ascending)
}

// hits takes documents as far as their order is certain; then those with the last
// number there is, then those without one.
func (s *searching) hits(ctx context.Context, r *query.Request, o query.Order, place query.Place, first *found, a *query.Answer) error {
	if r.Limit == 0 {
		return nil
	}
	list, err := s.documents(first)
	if err != nil {
		return err
	}
	more := len(list) > r.Limit
	for _, d := range list {
		if last(query.SortValue(&d, o.Field), o) {
			break
		}
		a.Hits = append(a.Hits, d)
	}
	if len(a.Hits) <= r.Limit && (more || len(a.Hits) < len(list) || last(place.Value, o)) {
		if err := s.tail(ctx, r, o, place, a); err != nil {
			return err
		}
	}
	if len(a.Hits) > r.Limit {
		a.Hits = a.Hits[:r.Limit]
		a.Next, err = r.NextCursor(o, &a.Hits[r.Limit-1])
	}
	return err
}

// tail adds the documents that come last, in the order of their keys.
func (s *searching) tail(ctx context.Context, r *query.Request, o query.Order, place query.Place, a *query.Answer) error {
	field := ordered(o.Field)
	exists := object{"exists": object{"field": field}}
	lacking := object{"bool": object{"must_not": exists}}
	after := ""
	if place.Key != "" && last(place.Value, o) {
		after = place.Key
	}
	var conditions []object
	if end := int64(math.MaxInt64); o.Field.Type == document.Integer && (place.Key == "" || place.Value != nil) {
		if !o.Ascending {
			end = math.MinInt64
		}
		conditions = append(conditions, object{"term": object{field: end}})
	}
	conditions = append(conditions, lacking)
	for i, condition := range conditions {
		want := r.Limit + 1 - len(a.Hits)
		if want <= 0 {
			return nil
		}
		request := object{
			"size": want, "track_total_hits": false, "sort": []object{{fieldKey: "asc"}}, "query": filtered(s.filter, condition),
		}
		if after != "" && (i == 0) {
			request["search_after"] = []any{after}
		}
		next, err := s.ask(ctx, "find what comes last", request)
		if err != nil {
			return err
		}
		list, err := s.documents(next)
		if err != nil {
			return err
		}
		a.Hits = append(a.Hits, list...)
	}
	return nil
}

// documents reads hits.
func (s *searching) documents(f *found) ([]document.Document, error) {
	out := make([]document.Document, len(f.Hits.Hits))
	for i, h := range f.Hits.Hits {
		var err error
		if out[i], err = decode(h.Source, s.schema); err != nil {
			return nil, fmt.Errorf("read a hit: %w", err)
		}
	}
	return out, nil
}

// decode reads a document as source wrote it. Fields that the schema does not
// have are those of source alone, or of an old generation.
func decode(b json.RawMessage, schema *document.Schema) (document.Document, error) {
	d := document.Document{Fields: document.Values{}}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return d, err
	}
	for name, raw := range all {
		f, ok := schema.Field(name)
		if !ok {
			continue
		}
		value, err := decodeValue(raw, f)
		if err != nil {
			return d, fmt.Errorf("field %s: %w", name, err)
		}
		switch name {
		case document.FieldKind:
			kind, _ := value.(string)
			d.Kind = document.Kind(kind)
		case document.FieldID:
			d.ID, _ = value.(string)
		case document.FieldHeight:
			n, _ := value.(int64)
			d.Height = uint64(max(0, n))
		default:
			d.Fields[name] = value
		}
	}
	return d, nil
}

func decodeValue(raw json.RawMessage, f document.Field) (any, error) {
	if f.Many {
		return into[[]string](raw)
	}
	switch f.Type {
	case document.Integer, document.Time:
		return into[int64](raw)
	case document.Number:
		return into[float64](raw)
	case document.Flag:
		return into[bool](raw)
	case document.Keyword, document.Text, document.Amount:
	}
	return into[string](raw)
}

func into[T any](raw json.RawMessage) (any, error) {
	var v T
	err := json.Unmarshal(raw, &v)
	return v, err
}
