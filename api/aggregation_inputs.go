package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/fl/aggregation"
)

func (s *server) aggregationInputRoutes(tags []string) {
	const path = "/v1/aggregations/{id}/inputs/{name}"
	stands := func(text string) *huma.Response {
		return &huma.Response{Description: text, Content: map[string]*huma.MediaType{
			typeJSON: {Schema: schemaOf[v1.AggregationInput](s.huma.OpenAPI().Components.Schemas)},
		}}
	}
	handle(s, huma.Operation{
		OperationID: "announce-aggregation-input", Method: http.MethodPut, Path: path, Tags: tags,
		Summary:      "Announce a file of an aggregation",
		Description:  "The same announcement finds the same input again, also after a restart of the server; go on from its offset. Another one under the same name takes its place.",
		MaxBodyBytes: 4 << 10,
	}, s.announceAggregationInput)
	handle(s, huma.Operation{
		OperationID: "get-aggregation-input", Method: http.MethodGet, Path: path, Tags: tags,
		Summary: "Where an input stands", Description: "HEAD gives the same in the headers Upload-Offset and Upload-Length.",
	}, s.aggregationInput)
	handle(s, huma.Operation{
		OperationID: "append-aggregation-input", Method: http.MethodPatch, Path: path, Tags: tags,
		Summary: "Send a part of an input", Description: "Refused with another Upload-Offset than the input's, as parts of uploads are.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			typePart: {Schema: &huma.Schema{Type: "string", Format: "binary"}},
		}},
		Responses: map[string]*huma.Response{"200": stands("Where the input stands")},
	}, s.appendAggregationInput)
}

// AggregationInputPath is the path of an input.
type AggregationInputPath struct {
	AggregationPath

	Name string `path:"name" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" doc:"Name of the input."`
}

type announceAggregationInput struct {
	AggregationInputPath

	Body v1.NewAggregationInput
}

type aggregationInputOutput struct {
	Offset int64 `header:"Upload-Offset"`
	Length int64 `header:"Upload-Length"`
	Body   v1.AggregationInput
}

func showInput(p *aggregation.Progress) *aggregationInputOutput {
	return &aggregationInputOutput{Offset: p.Offset, Length: p.Size, Body: v1.AggregationInput{
		Name: p.Name, Kind: string(p.Kind), Size: p.Size, Digest: p.Digest, NumExamples: p.NumExamples, Steps: p.Steps,
		Offset: p.Offset, Complete: p.Complete,
	}}
}

func (s *server) announceAggregationInput(ctx context.Context, in *announceAggregationInput) (*aggregationInputOutput, error) {
	if _, err := s.visibleAggregation(ctx, in.ID); err != nil {
		return nil, err
	}
	progress, err := s.Aggregations.Announce(ctx, in.ID, aggregation.Input{
		Name: in.Name, Kind: aggregation.Kind(in.Body.Kind), Digest: in.Body.Digest, Size: in.Body.Size,
		NumExamples: in.Body.NumExamples, Steps: in.Body.Steps,
	})
	if err != nil {
		return nil, inputFailure(err)
	}
	return showInput(&progress), nil
}

func (s *server) aggregationInput(ctx context.Context, in *AggregationInputPath) (*aggregationInputOutput, error) {
	if _, err := s.visibleAggregation(ctx, in.ID); err != nil {
		return nil, err
	}
	progress, err := s.Aggregations.Input(ctx, in.ID, in.Name)
	if err != nil {
		return nil, inputFailure(err)
	}
	return showInput(&progress), nil
}

type appendAggregationInput struct {
	AggregationInputPath

	ContentType string `header:"Content-Type" hidden:"true"`
	Offset      int64  `header:"Upload-Offset" required:"true" minimum:"0" doc:"The input's length so far."`
}

// appendAggregationInput takes the body as it comes, as appendUpload does.
func (s *server) appendAggregationInput(ctx context.Context, in *appendAggregationInput) (*huma.StreamResponse, error) {
	if media, err := mediaType(in.ContentType); err != nil || media != typePart && media != typeBinary {
		return nil, fail("unsupported_media_type", "want "+typePart)
	}
	if _, err := s.visibleAggregation(ctx, in.ID); err != nil {
		return nil, err
	}
	known, err := s.Aggregations.Input(ctx, in.ID, in.Name)
	if err != nil {
		return nil, inputFailure(err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) { //nolint:contextcheck // the framework hands the request in again
		r, w := humago.Unwrap(hc)
		var progress aggregation.Progress
		_, err := s.receive(w, r, in.Offset, known.Size, func(source io.Reader) (length int64, err error) {
			progress, err = s.Aggregations.Append(r.Context(), in.ID, in.Name, in.Offset, source)
			return progress.Offset, err
		})
		if err != nil {
			if f, ok := asFailure(s.refuse(r.Context(), "append-aggregation-input", inputFailure(err))); ok {
				writeFailure(w, f)
			}
			return
		}
		out := showInput(&progress)
		w.Header().Set("Upload-Offset", strconv.FormatInt(out.Offset, 10))
		w.Header().Set("Upload-Length", strconv.FormatInt(out.Length, 10))
		w.Header().Set("Content-Type", typeJSON)
		_ = json.NewEncoder(w).Encode(out.Body) // the client has gone if it cannot be written
	}}, nil
}

// inputFailure tells bytes that are others than announced.
func inputFailure(err error) error {
	if errors.Is(err, blob.ErrDigest) {
		return fail("digest_mismatch", "the bytes received are not those announced; send them again from 0")
	}
	return err
}
