package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

func (s *server) modelRoutes() {
	handle(s, huma.Operation{
		OperationID: "get-model", Method: http.MethodGet, Path: "/v1/models/{id}/versions/{n}", Tags: []string{"models"},
		Summary:     "Download a version of a job's model",
		Description: "Safetensors. Version n is the result of round n, once a quorum of nodes has recomputed it; version 0 is the initial model. With Range and ETag.",
		Responses:   contentResponses(),
	}, s.model)
	card := map[string]*huma.Response{"200": {Description: "The model card", Content: map[string]*huma.MediaType{
		typeJSON: {Schema: &huma.Schema{Type: "object", AdditionalProperties: true}},
	}}}
	handle(s, huma.Operation{
		OperationID: "get-card", Method: http.MethodGet, Path: "/v1/models/{id}/card", Tags: []string{"models"},
		Summary: "The card of a finished job's model", Responses: card,
	}, s.card)
	handle(s, huma.Operation{
		OperationID: "get-version-card", Method: http.MethodGet, Path: "/v1/models/{id}/versions/{n}/card", Tags: []string{"models"},
		Summary: "The card of a model; only a job's last version has one", Responses: card,
	}, s.versionCard)
}

type versionPath struct {
	JobPath

	Version uint64 `path:"n" doc:"Number of the round; 0 is the initial model."`
}

func (s *server) model(ctx context.Context, in *versionPath) (*huma.StreamResponse, error) {
	file, err := s.modelOf(ctx, in.ID, in.Version)
	if err != nil {
		return nil, err
	}
	return s.serveBlob(ctx, file, fmt.Sprintf("%s-%d.safetensors", in.ID.Short(), in.Version))
}

// modelOf returns the file of a version.
func (s *server) modelOf(ctx context.Context, id ledger.Digest, version uint64) (v1.File, error) {
	if _, _, err := s.visibleJob(ctx, id); err != nil {
		return v1.File{}, err
	}
	r, ok, err := fl.LoadRound(s.Node.State(ctx), id, max(version, 1))
	switch {
	case err != nil:
		return v1.File{}, err
	case ok && version == 0:
		return v1.File{Digest: r.Model, Size: r.ModelSize}, nil
	case !ok || r.State != job.RoundFinal:
		return v1.File{}, fail("not_found", fmt.Sprintf("round %d of job %s is not final", version, id))
	}
	c, ok, err := fl.LoadCommit(s.Node.State(ctx), id, version, r.CommitTerm)
	if err == nil && (!ok || c.Model.IsZero()) {
		err = fail("not_found", fmt.Sprintf("round %d of job %s made no model", version, id))
	}
	if err != nil {
		return v1.File{}, err
	}
	return v1.File{Digest: c.Model, Size: c.ModelSize}, nil
}

type cardOutput struct {
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag"`
	Body        []byte
}

func (s *server) card(ctx context.Context, in *JobPath) (*cardOutput, error) {
	row, _, err := s.visibleJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if row.Card.IsZero() {
		return nil, fail("not_found", fmt.Sprintf("job %s is %s; a card is written when a job finishes", in.ID, row.State))
	}
	card, err := s.Coordinator.Card(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if ledger.Hash(card) != row.Card || !json.Valid(card) {
		return nil, fmt.Errorf("read the card of job %s: it is not the one on the ledger, %s", in.ID, row.Card)
	}
	return &cardOutput{ContentType: typeJSON, ETag: etag(row.Card), Body: card}, nil
}

func (s *server) versionCard(ctx context.Context, in *versionPath) (*cardOutput, error) {
	row, _, err := s.visibleJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if in.Version != row.Finals {
		return nil, fail("not_found", fmt.Sprintf("job %s has a card for version %d alone", in.ID, row.Finals))
	}
	return s.card(ctx, &in.JobPath)
}
