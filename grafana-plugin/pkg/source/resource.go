package source

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/resource/httpadapter"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

// resources are what editors and variables ask: lists to choose from, and proofs.
func (s *Source) resources() backend.CallResourceHandler {
	mux := http.NewServeMux()
	get := func(path string, list func(context.Context, *http.Request) (any, error)) {
		mux.HandleFunc("GET /"+path, func(w http.ResponseWriter, r *http.Request) { s.reply(w, r, list) })
	}
	get("fields", s.listFields)
	get("jobs", s.listJobs)
	get("contracts", s.listValuesOf("contract", "kind:transaction"))
	get("accounts", s.listAccounts)
	get("values", s.listValues)
	get("metrics", s.listMetrics)
	get("proof", s.proof)
	return httpadapter.New(mux)
}

// option is something to choose.
type option struct {
	Text  string `json:"text"`
	Value string `json:"value"`
}

// mostOptions bounds a list to choose from.
const mostOptions = 1_000

// reply answers a request in JSON. As with queries, the status says whose fault an
// error is: what comes from the node or the asker is below 500, or 502 and 504.
func (s *Source) reply(w http.ResponseWriter, r *http.Request, list func(context.Context, *http.Request) (any, error)) {
	answer, err := any(nil), s.wrong
	if err == nil {
		answer, err = list(r.Context(), r)
	} else {
		err = &askError{"the data source is not set up: " + err.Error()}
	}
	status := http.StatusOK
	if err != nil {
		c := causeOf(err)
		status, answer = int(c.status), map[string]string{"message": c.text}
	}
	b, err := json.Marshal(answer)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"message":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // Grafana has gone if it cannot be written
}

func (s *Source) listFields(ctx context.Context, _ *http.Request) (any, error) {
	fields, err := s.schema.of(ctx, s.client)
	if err != nil {
		return nil, err
	}
	return fields.list, nil
}

func (s *Source) listJobs(ctx context.Context, _ *http.Request) (any, error) {
	hits, _, err := s.hits(ctx, &v1.SearchRequest{Query: "kind:job", Sort: "created"}, mostOptions)
	if err != nil {
		return nil, err
	}
	options := make([]option, len(hits))
	for i := range hits {
		h := &hits[i]
		architecture, _ := textOf(h.Fields["architecture"])
		state, _ := textOf(h.Fields["state"])
		done, _ := textOf(h.Fields["num_final"])
		wanted, _ := textOf(h.Fields["num_rounds"])
		options[i] = option{fmt.Sprintf("%s · %s, %s, %s of %s rounds", short(h.ID), architecture, state, done, wanted), h.ID}
	}
	return options, nil
}

func (s *Source) listAccounts(ctx context.Context, _ *http.Request) (any, error) {
	hits, _, err := s.hits(ctx, &v1.SearchRequest{Query: "kind:account", Sort: "id", Order: "asc"}, mostOptions)
	if err != nil {
		return nil, err
	}
	options := make([]option, len(hits))
	for i := range hits {
		options[i] = option{hits[i].ID, hits[i].ID}
	}
	return options, nil
}

// listValuesOf lists the values of a field among what a query finds.
func (s *Source) listValuesOf(field, query string) func(context.Context, *http.Request) (any, error) {
	return func(ctx context.Context, _ *http.Request) (any, error) { return s.valuesOf(ctx, field, query) }
}

// listValues lists the values of any field; completion and filters use it.
func (s *Source) listValues(ctx context.Context, r *http.Request) (any, error) {
	field := r.URL.Query().Get("field")
	fields, err := s.schema.of(ctx, s.client)
	if err != nil {
		return nil, err
	}
	switch f, ok := fields.byName[field]; {
	case !ok:
		return nil, wrongAsk("there is no field %.40q", field)
	case f.Type != "keyword" && f.Type != "integer":
		return []option{}, nil
	}
	return s.valuesOf(ctx, field, r.URL.Query().Get("query"))
}

func (s *Source) valuesOf(ctx context.Context, field, query string) (any, error) {
	answer, err := s.client.Search(ctx, &v1.SearchRequest{Query: query, Limit: new(0), Aggregations: []v1.SearchAggregation{
		{Op: "terms", Field: field, Size: mostOptions},
	}})
	if err != nil {
		return nil, inQuery(err, query)
	}
	options := []option{}
	for _, a := range answer.Aggregations {
		for _, b := range a.Buckets {
			text, _ := textOf(b.Key)
			options = append(options, option{text, text})
		}
	}
	return options, nil
}

// listMetrics lists what the rounds of a job have numbers of.
func (s *Source) listMetrics(ctx context.Context, r *http.Request) (any, error) {
	var jobs []string
	if id := r.URL.Query().Get("job"); id != "" {
		jobs = append(jobs, id)
	}
	ids, err := s.jobsOf(ctx, jobs)
	if err != nil {
		return nil, err
	}
	of := make([]jobRounds, len(ids))
	for i, id := range ids {
		if of[i], err = s.roundsOf(ctx, id, nil, false); err != nil {
			return nil, err
		}
	}
	options := []option{}
	for _, name := range liveNames(of) {
		options = append(options, option{name, name})
	}
	return options, nil
}

// proofPath is what hits name as the place of their proof; nothing else is asked
// of the node in the reader's name.
var proofPath = regexp.MustCompile(`^/v1/(?:transactions/([0-9a-f]{64})/proof|blocks/([1-9][0-9]{0,18})|genesis)$`)

func (s *Source) proof(ctx context.Context, r *http.Request) (any, error) {
	parts := proofPath.FindStringSubmatch(r.URL.Query().Get("of"))
	switch {
	case parts == nil:
		return nil, wrongAsk("of is no place of a proof: want that of a hit, such as /v1/blocks/7")
	case parts[1] != "":
		id, err := ledger.ParseDigest(parts[1])
		if err != nil {
			return nil, err
		}
		return s.client.Proof(ctx, id)
	case parts[2] != "":
		height, err := strconv.ParseUint(parts[2], 10, 64)
		if err != nil {
			return nil, wrongAsk("of is no place of a proof: %v", err)
		}
		return s.client.Block(ctx, height)
	}
	b, digest, err := s.client.Genesis(ctx)
	return map[string]any{"genesis": b, "digest": digest}, err
}
