package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/indexer"
	"github.com/librum/librum/search/query"
)

// searchTime is how long a search may take; then the index is interrupted.
const searchTime = 10 * time.Second

// searchCost is charged for a second of searching, as bytes moved.
const searchCost = 256 << 20

func (s *server) searchRoutes() {
	handle(s, huma.Operation{
		OperationID: "search", Method: http.MethodPost, Path: "/v1/search", Tags: []string{"search"},
		Summary: "Search what final blocks hold",
		Description: "Answers say up to which height, and name for each hit where its proof is. The index is not believed: " +
			"it is built from the node's store. What the caller may not see is neither found nor counted.",
	}, s.search)
	handle(s, huma.Operation{
		OperationID: "list-search-fields", Method: http.MethodGet, Path: "/v1/search/fields", Tags: []string{"search"},
		Summary: "Fields that can be searched",
	}, s.searchFields)
}

type searchInput struct{ Body v1.SearchRequest }

func (s *server) search(ctx context.Context, in *searchInput) (*body[v1.SearchAnswer], error) {
	if s.Search == nil {
		return nil, fail("no_index", "ask another node")
	}
	begun := s.Now()
	defer func() { s.charge(callerOf(ctx), int(s.Now().Sub(begun).Seconds()*searchCost)) }()
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	r, err := readSearch(&in.Body, s.Search.Schema())
	if err != nil {
		return nil, err
	}
	if r.Sees, err = s.found(ctx, callerOf(ctx)); err != nil {
		return nil, err
	}
	answer, err := s.Search.Search(ctx, r)
	if err != nil {
		return nil, err
	}
	out := &body[v1.SearchAnswer]{Body: v1.SearchAnswer{
		Indexed: v1.Indexed{Height: answer.At.Height, Hash: answer.At.Hash, Lowest: answer.At.Lowest},
		Total:   answer.Total, More: answer.More, Hits: make([]v1.SearchHit, len(answer.Hits)), NextCursor: answer.Next,
		Aggregations: showAggregates(r.Aggregate, answer.Aggregates, s.Search.Schema()),
	}}
	for i := range answer.Hits {
		out.Body.Hits[i] = showHit(&answer.Hits[i])
		if in.Body.Highlight {
			out.Body.Hits[i].Highlights = showHighlights(query.Highlights(r.Query, &answer.Hits[i], s.Search.Schema()))
		}
	}
	return out, nil
}

// found is what the caller may find: the same that the other routes show it. nil
// is all.
func (s *server) found(ctx context.Context, c *caller) (query.Node, error) {
	if c.scope == ScopeAll {
		return nil, nil //nolint:nilnil // no bound
	}
	me := c.Member.String()
	jobs, err := s.foundJobs(ctx, me)
	if err != nil {
		return nil, err
	}
	sees := []query.Node{
		query.Equal{Field: document.FieldPublic, Value: true},
		query.Equal{Field: document.FieldOwner, Value: me},
		query.In{Field: document.FieldJob, Values: jobs},
	}
	if c.row.Has(identity.RoleOfficer) {
		sees = append(sees, query.And{Nodes: []query.Node{
			query.In{Field: document.FieldKind, Values: []string{string(document.KindAccount), string(document.KindIdentity)}},
			query.Equal{Field: document.FieldOrganisation, Value: c.row.Organisation.String()},
		}})
	}
	return query.Or{Nodes: sees}, nil
}

// foundJobs are the jobs that a member created, or a round of which asked it; of
// more than so many that an answer may have buckets, those with most rounds.
func (s *server) foundJobs(ctx context.Context, me string) ([]string, error) {
	kind := func(k document.Kind) query.Node { return query.Equal{Field: document.FieldKind, Value: string(k)} }
	answer, err := s.Search.Search(ctx, &query.Request{
		Query: query.Or{Nodes: []query.Node{
			query.And{Nodes: []query.Node{kind(document.KindJob), query.Equal{Field: document.FieldOwner, Value: me}}},
			query.And{Nodes: []query.Node{kind(document.KindRound), query.Equal{Field: "cohort", Value: me}}},
		}},
		Aggregate: []query.Aggregation{{Op: query.OpTerms, Field: document.FieldJob, Size: query.MaxTermBuckets}},
	})
	if err != nil {
		return nil, err
	}
	jobs := make([]string, 0, len(answer.Aggregates[0].Buckets))
	for _, b := range answer.Aggregates[0].Buckets {
		jobs = append(jobs, b.Text)
	}
	return jobs, nil
}

// readSearch reads a request.
func readSearch(in *v1.SearchRequest, schema *document.Schema) (*query.Request, error) {
	tree, err := query.Parse(in.Query, schema)
	if err != nil {
		return nil, err
	}
	r := &query.Request{Query: tree, Sort: in.Sort, Ascending: in.Order == "asc", Limit: query.DefaultHits, Cursor: in.Cursor}
	if in.Limit != nil {
		r.Limit = *in.Limit
	}
	r.Aggregate, err = readAggregations(in.Aggregations)
	return r, err
}

func readAggregations(list []v1.SearchAggregation) ([]query.Aggregation, error) {
	out := make([]query.Aggregation, len(list))
	for i, a := range list {
		interval, err := query.ParseInterval(a.Interval)
		if err != nil {
			return nil, err
		}
		out[i] = query.Aggregation{Op: query.Op(a.Op), Field: a.Field, Size: a.Size, Interval: interval, Percents: a.Percents}
		if out[i].Within, err = readAggregations(a.Within); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func showHit(d *document.Document) v1.SearchHit {
	return v1.SearchHit{Kind: string(d.Kind), ID: d.ID, Height: d.Height, Fields: d.Fields, Proof: proofOf(d)}
}

// proofOf is where the proof of a document is.
func proofOf(d *document.Document) string {
	id, _ := d.Fields[document.FieldTransaction].(string)
	switch {
	case id != "":
		return "/v1/transactions/" + id + "/proof"
	case d.Height == 0:
		return "/v1/genesis"
	}
	return "/v1/blocks/" + strconv.FormatUint(d.Height, 10)
}

func showHighlights(list []query.Highlight) []v1.Highlight {
	out := make([]v1.Highlight, len(list))
	for i, h := range list {
		out[i] = v1.Highlight{Field: h.Field, Parts: make([]v1.HighlightPart, len(h.Parts))}
		for j, p := range h.Parts {
			out[i].Parts[j] = v1.HighlightPart(p)
		}
	}
	return out
}

func showAggregates(asked []query.Aggregation, list []query.Aggregate, schema *document.Schema) []v1.SearchAggregate {
	out := make([]v1.SearchAggregate, len(list))
	for i, a := range list {
		out[i].Value = a.Value
		for _, p := range a.Values {
			out[i].Percentiles = append(out[i].Percentiles, v1.SearchPercentile(p))
		}
		f, _ := schema.Field(asked[i].Field)
		for _, b := range a.Buckets {
			shown := v1.SearchBucket{Key: b.Number, Count: b.Count, Within: showAggregates(asked[i].Within, b.Within, schema)}
			if f.Type == document.Keyword {
				shown.Key = b.Text
			}
			out[i].Buckets = append(out[i].Buckets, shown)
		}
	}
	return out
}

func (s *server) searchFields(context.Context, *struct{}) (*body[v1.SearchFields], error) {
	if s.Search == nil {
		return nil, fail("no_index", "ask another node")
	}
	out := &body[v1.SearchFields]{Body: v1.SearchFields{Fields: []v1.SearchField{}}}
	for _, f := range s.Search.Schema().Fields() {
		out.Body.Fields = append(out.Body.Fields, v1.SearchField{Name: f.Name, Type: string(f.Type), Many: f.Many, Doc: strings.TrimSpace(f.Doc)})
	}
	return out, nil
}

// indexed says where the index stands, zero without one.
func (s *server) indexed() indexer.Status {
	if s.Search == nil {
		return indexer.Status{}
	}
	return s.Search.Status()
}

func (s *server) indexLag(final uint64) float64 {
	if height := s.indexed().Height; s.Search != nil && final > height {
		return float64(final - height)
	}
	return 0
}

func isSyntax(err error) bool {
	_, is := errors.AsType[*query.SyntaxError](err)
	return is
}
