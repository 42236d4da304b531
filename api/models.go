package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	modelcard "github.com/librum/librum/fl/card"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/provenance"
)

func (s *server) modelRoutes() {
	handle(s, huma.Operation{
		OperationID: "get-model", Method: http.MethodGet, Path: "/v1/models/{id}/versions/{n}", Tags: []string{"models"},
		Summary:     "Download a version of a job's model",
		Description: "Safetensors. Version n is the result of round n, once a quorum of nodes has recomputed it; version 0 is the initial model. With Range and ETag.",
		Responses:   contentResponses(),
	}, s.model)
	object := &huma.MediaType{Schema: &huma.Schema{Type: "object", AdditionalProperties: true}}
	card := map[string]*huma.Response{"200": {Description: "The model card", Content: map[string]*huma.MediaType{
		typeJSON: object, typeMarkdown: {Schema: &huma.Schema{Type: "string"}},
	}}}
	handle(s, huma.Operation{
		OperationID: "get-card", Method: http.MethodGet, Path: "/v1/models/{id}/card", Tags: []string{"models"},
		Summary: "The card of a finished job's model", Responses: card,
	}, s.card)
	handle(s, huma.Operation{
		OperationID: "get-version-card", Method: http.MethodGet, Path: "/v1/models/{id}/versions/{n}/card", Tags: []string{"models"},
		Summary: "The card of a model; only a job's last version has one", Responses: card,
	}, s.versionCard)
	handle(s, huma.Operation{
		OperationID: "get-provenance", Method: http.MethodGet, Path: "/v1/models/{id}/versions/{n}/provenance", Tags: []string{"models"},
		Summary:     "Where a version of a model comes from",
		Description: "W3C PROV-JSON, or an in-toto statement with the predicate SLSA Provenance v1. Made from the ledger's rows and not signed: verify the job.",
		Responses: map[string]*huma.Response{"200": {Description: "The provenance", Content: map[string]*huma.MediaType{
			typeJSON: object, typeInToto: object,
		}}},
	}, s.provenance)
}

const (
	typeMarkdown = "text/markdown; charset=utf-8"
	typeInToto   = "application/vnd.in-toto+json"
)

// VersionPath is the path of what belongs to a version of a model.
type VersionPath struct {
	JobPath

	Version uint64 `path:"n" doc:"Number of the round; 0 is the initial model."`
}

func (s *server) model(ctx context.Context, in *VersionPath) (*huma.StreamResponse, error) {
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

type cardInput struct {
	JobPath

	Form string `query:"form" enum:"json,markdown" default:"json" doc:"markdown is for people, its plots are inside."`
}

type versionCardInput struct {
	VersionPath

	Form string `query:"form" enum:"json,markdown" default:"json" doc:"markdown is for people, its plots are inside."`
}

func (s *server) card(ctx context.Context, in *cardInput) (*cardOutput, error) {
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
	if in.Form == "json" {
		return &cardOutput{ContentType: typeJSON, ETag: etag(row.Card), Body: card}, nil
	}
	read, err := modelcard.Parse(card)
	if err != nil {
		return nil, fmt.Errorf("read the card of job %s: %w", in.ID, err)
	}
	text := read.Markdown(func(p modelcard.Plot) string {
		return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(p.SVG)
	})
	return &cardOutput{ContentType: typeMarkdown, ETag: etag(ledger.Hash(text)), Body: text}, nil
}

func (s *server) versionCard(ctx context.Context, in *versionCardInput) (*cardOutput, error) {
	row, _, err := s.visibleJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if in.Version != row.Finals {
		return nil, fail("not_found", fmt.Sprintf("job %s has a card for version %d alone", in.ID, row.Finals))
	}
	return s.card(ctx, &cardInput{JobPath: in.JobPath, Form: in.Form})
}

type provenanceInput struct {
	VersionPath

	Form string `query:"form" enum:"prov,in-toto" default:"prov" doc:"W3C PROV-JSON or an in-toto statement."`
}

func (s *server) provenance(ctx context.Context, in *provenanceInput) (*cardOutput, error) {
	row, _, err := s.visibleJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	// Charged before it is read and written, so that not many ask for many rounds at
	// once. Rows of final rounds change no more and are read beside execution.
	s.charge(callerOf(ctx), 3*int(min(in.Version, row.Finals))*costOfLook)
	line, err := provenance.Read(s.Node.State(ctx), in.ID, in.Version)
	if errors.Is(err, provenance.ErrNotFinal) {
		return nil, fail("not_found", err.Error())
	}
	if err != nil {
		return nil, err
	}
	s.charge(callerOf(ctx), (len(line.Updates)+len(line.Agreed))*costOfLook)
	write, media := line.PROV, typeJSON
	if in.Form == "in-toto" {
		write, media = line.Statement, typeInToto
	}
	b, err := write()
	if err != nil {
		return nil, err
	}
	return &cardOutput{ContentType: media, ETag: etag(ledger.Hash(b)), Body: b}, nil
}
