package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/aggregation"
	"github.com/librum/librum/fl/job"
)

func (s *server) aggregationRoutes() {
	tags := []string{"aggregations"}
	answered := func(text string) *huma.Response {
		return &huma.Response{Description: text, Content: map[string]*huma.MediaType{
			typeJSON: {Schema: schemaOf[v1.Aggregation](s.huma.OpenAPI().Components.Schemas)},
		}}
	}
	handle(s, huma.Operation{
		OperationID: "create-aggregation", Method: http.MethodPost, Path: "/v1/aggregations", Tags: tags,
		Summary: "Create an aggregation without a job",
		Description: "Nothing of it stands on the ledger. Its id is SHA-256(member, Idempotency-Key): " +
			"the same key and body give the same aggregation again.",
		DefaultStatus: http.StatusCreated, MaxBodyBytes: 16 << 10,
		Responses: map[string]*huma.Response{"200": answered("It exists already"), "201": answered("Created")},
	}, s.createAggregation)
	handle(s, huma.Operation{
		OperationID: "list-aggregations", Method: http.MethodGet, Path: "/v1/aggregations", Tags: tags,
		Summary: "List aggregations, in the order of their ids",
	}, s.aggregations)
	handle(s, huma.Operation{
		OperationID: "get-aggregation", Method: http.MethodGet, Path: "/v1/aggregations/{id}", Tags: tags,
		Summary: "Where an aggregation stands",
	}, s.aggregation)
	handle(s, huma.Operation{
		OperationID: "start-aggregation", Method: http.MethodPost, Path: "/v1/aggregations/{id}/aggregate", Tags: tags,
		Summary:       "Aggregate what was uploaded",
		Description:   "Ask for the aggregation at Location until it is done or has failed. One that is done stays so.",
		DefaultStatus: http.StatusAccepted,
	}, s.startAggregation)
	handle(s, huma.Operation{
		OperationID: "delete-aggregation", Method: http.MethodDelete, Path: "/v1/aggregations/{id}", Tags: tags,
		Summary: "Delete an aggregation with all its files", DefaultStatus: http.StatusNoContent,
	}, s.deleteAggregation)
	handle(s, huma.Operation{
		OperationID: "get-aggregation-model", Method: http.MethodGet, Path: "/v1/aggregations/{id}/model", Tags: tags,
		Summary: "Download the result", Description: "Safetensors, with Range and ETag. See docs/aggregations.md for how to compute its digest yourself.",
		Responses: contentResponses(),
	}, s.aggregationModel)
	handle(s, huma.Operation{
		OperationID: "get-aggregation-memory", Method: http.MethodGet, Path: "/v1/aggregations/{id}/memory", Tags: tags,
		Summary: "Download what the server remembers, for the next aggregation", Responses: contentResponses(),
	}, s.aggregationMemory)
	s.aggregationInputRoutes(tags)
}

// AggregationPath is the path of what belongs to an aggregation.
type AggregationPath struct {
	ID ledger.Digest `path:"id" doc:"Id of the aggregation."`
}

type createAggregationInput struct {
	Key  string `header:"Idempotency-Key" maxLength:"128" doc:"Makes the request safe to repeat; missing, the server makes one up."`
	Body v1.NewAggregation
}

type aggregationOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     v1.Aggregation
}

func (s *server) createAggregation(ctx context.Context, in *createAggregationInput) (*aggregationOutput, error) {
	key, err := s.idempotencyKey(in.Key)
	if err != nil {
		return nil, err
	}
	spec := aggregation.Spec{Momentum: in.Body.Momentum, Cohort: in.Body.Cohort, Strategy: job.Strategy{
		Name: in.Body.Strategy.Name, Params: in.Body.Strategy.Params, Root: in.Body.Strategy.Root,
		Clip: readPart(in.Body.Strategy.Clip), Mean: readPart(in.Body.Strategy.Mean),
	}}
	view, created, err := s.Aggregations.Create(ctx, callerOf(ctx).Member, key, spec)
	if err != nil {
		return nil, err
	}
	out := &aggregationOutput{Status: http.StatusOK, Location: "/v1/aggregations/" + view.ID.String()}
	if created {
		out.Status = http.StatusCreated
	}
	out.Body, err = showAggregation(&view)
	return out, err
}

func readPart(p *v1.AggregationPart) job.Part {
	if p == nil {
		return job.Part{}
	}
	return job.Part{Name: p.Name, Params: p.Params}
}

// idempotencyKey returns the key of a request, made up where there is none.
func (s *server) idempotencyKey(given string) ([]byte, error) {
	if given != "" {
		return []byte(given), nil
	}
	random := make([]byte, 16)
	if _, err := io.ReadFull(s.Random, random); err != nil {
		return nil, fmt.Errorf("draw an idempotency key: %w", err)
	}
	return []byte(hex.EncodeToString(random)), nil
}

// visibleAggregation returns an aggregation of the caller's. To others it is not
// there: nothing public names it.
func (s *server) visibleAggregation(ctx context.Context, id ledger.Digest) (aggregation.View, error) {
	view, err := s.Aggregations.Get(id)
	if err == nil && !callerOf(ctx).owns(view.Creator) {
		err = fmt.Errorf("%w: %s", aggregation.ErrNotFound, id)
	}
	return view, err
}

func (s *server) aggregation(ctx context.Context, in *AggregationPath) (*aggregationOutput, error) {
	view, err := s.visibleAggregation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &aggregationOutput{Status: http.StatusOK}
	out.Body, err = showAggregation(&view)
	return out, err
}

type aggregationsInput struct{ Page }

func (s *server) aggregations(ctx context.Context, in *aggregationsInput) (*body[v1.Aggregations], error) {
	var after ledger.Digest
	if in.Cursor != "" {
		var err error
		if after, err = ledger.ParseDigest(in.Cursor); err != nil {
			return nil, invalidCursor()
		}
	}
	views, more := s.Aggregations.List(after, in.Limit, callerOf(ctx).owns)
	out := &body[v1.Aggregations]{Body: v1.Aggregations{Aggregations: []v1.Aggregation{}}}
	for i := range views {
		shown, err := showAggregation(&views[i])
		if err != nil {
			return nil, err
		}
		shown.Refused = nil // up to 4,096; ask for the aggregation itself
		out.Body.Aggregations = append(out.Body.Aggregations, shown)
	}
	if more {
		out.Body.NextCursor = views[len(views)-1].ID.String()
	}
	return out, nil
}

func (s *server) startAggregation(ctx context.Context, in *AggregationPath) (*aggregationOutput, error) {
	if _, err := s.visibleAggregation(ctx, in.ID); err != nil {
		return nil, err
	}
	view, err := s.Aggregations.Start(in.ID)
	if err != nil {
		return nil, err
	}
	out := &aggregationOutput{Status: http.StatusAccepted, Location: "/v1/aggregations/" + view.ID.String()}
	out.Body, err = showAggregation(&view)
	return out, err
}

func (s *server) deleteAggregation(ctx context.Context, in *AggregationPath) (*struct{}, error) {
	if _, err := s.visibleAggregation(ctx, in.ID); err != nil {
		return nil, err
	}
	return nil, s.Aggregations.Delete(in.ID)
}

func (s *server) aggregationModel(ctx context.Context, in *AggregationPath) (*huma.StreamResponse, error) {
	return s.aggregationResult(ctx, in.ID, false)
}

func (s *server) aggregationMemory(ctx context.Context, in *AggregationPath) (*huma.StreamResponse, error) {
	return s.aggregationResult(ctx, in.ID, true)
}

func (s *server) aggregationResult(ctx context.Context, id ledger.Digest, memory bool) (*huma.StreamResponse, error) {
	if _, err := s.visibleAggregation(ctx, id); err != nil {
		return nil, err
	}
	content, file, err := s.Aggregations.Result(ctx, id, memory)
	if err != nil {
		return nil, err
	}
	name := "model"
	if memory {
		name = "memory"
	}
	return s.serveContent(content, file.Digest, id.Short()+"-"+name+".safetensors"), nil //nolint:contextcheck // the framework hands the request in again
}

func showAggregation(v *aggregation.View) (v1.Aggregation, error) {
	spec, err := json.Marshal(v.Spec.Strategy)
	if err != nil {
		return v1.Aggregation{}, fmt.Errorf("show aggregation %s: %w", v.ID, err)
	}
	out := v1.Aggregation{
		ID: v.ID, Creator: v.Creator, Created: v.Created, Expires: v.Expires, State: string(v.State), Reason: v.Reason,
		Inputs: v.Inputs, Complete: v.Complete, Bytes: v.Bytes, Averaged: v.Averaged, NumExamples: v.Examples,
		Model: showFile(v.Model.Digest, uint64(v.Model.Size)), Memory: showFile(v.Memory.Digest, uint64(v.Memory.Size)),
		Strategy: spec, Momentum: v.Spec.Momentum, Cohort: v.Spec.Cohort,
	}
	for _, r := range v.Refused {
		out.Refused = append(out.Refused, v1.RefusedInput{Name: r.Name, Reason: string(r.Reason), Detail: r.Detail})
	}
	return out, nil
}

// aggregationFailure maps what an aggregation refuses; nil for other errors.
func aggregationFailure(err error) error {
	var field *aggregation.FieldError
	switch {
	case errors.As(err, &field):
		return invalidField("body."+field.Field, field.Detail)
	case errors.Is(err, aggregation.ErrNotFound):
		return fail("not_found", err.Error())
	case errors.Is(err, aggregation.ErrState):
		return fail("aggregation_state", err.Error())
	case errors.Is(err, aggregation.ErrLimit):
		return fail("too_many_aggregations", err.Error()).retry(30 * time.Second)
	case errors.Is(err, aggregation.ErrKeyReused):
		return fail("idempotency_key_reused", err.Error())
	case errors.Is(err, aggregation.ErrClosed):
		return fail("stopped", "the node is stopping").retry(5 * time.Second)
	}
	return nil
}
