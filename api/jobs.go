package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fl/job"
)

func (s *server) jobRoutes() {
	spec := specSchema()
	answered := func(text string) *huma.Response {
		return &huma.Response{Description: text, Content: map[string]*huma.MediaType{
			typeJSON: {Schema: schemaOf[v1.Job](s.huma.OpenAPI().Components.Schemas)},
		}}
	}
	handle(s, huma.Operation{
		OperationID: "create-job", Method: http.MethodPost, Path: "/v1/jobs", Tags: []string{"jobs"},
		Summary: "Create a training job",
		Description: "The node signs for the token's member. The job's id is SHA-256(member, Idempotency-Key): " +
			"the same key and spec give the same job again.",
		DefaultStatus: http.StatusCreated, MaxBodyBytes: job.MaxBytes + 1, SkipValidateBody: true,
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			typeJSON: {Schema: spec}, "application/yaml": {Schema: spec},
		}},
		Responses: map[string]*huma.Response{"200": answered("It exists already"), "201": answered("Created")},
	}, s.createJob)
	handle(s, huma.Operation{
		OperationID: "list-jobs", Method: http.MethodGet, Path: "/v1/jobs", Tags: []string{"jobs"},
		Summary: "List jobs, in the order of their ids",
	}, s.jobs)
	handle(s, huma.Operation{
		OperationID: "get-job", Method: http.MethodGet, Path: "/v1/jobs/{id}", Tags: []string{"jobs"},
		Summary: "Where a job stands",
	}, s.job)
	handle(s, huma.Operation{
		OperationID: "cancel-job", Method: http.MethodPost, Path: "/v1/jobs/{id}/cancel", Tags: []string{"jobs"},
		Summary: "End a job of the token's member",
	}, s.cancelJob)
}

// specSchema describes a job spec. It is documentation: specs are read by
// fl/job, which reports every mistake at once.
func specSchema() *huma.Schema {
	registry := huma.NewMapRegistry("", huma.DefaultSchemaNamer)
	root := registry.Schema(reflect.TypeFor[job.Spec](), false, "")
	for _, f := range job.Fields() {
		at := root
		for name := range splitPath(f.Name) {
			if at.Ref != "" {
				at = registry.SchemaFromRef(at.Ref)
			}
			at.Required = nil
			at = at.Properties[name]
		}
		at.Description = f.Doc + " Want " + f.Allowed + "; default " + f.Default + "."
	}
	return inline(registry, root)
}

type createJobInput struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Key         string `header:"Idempotency-Key" maxLength:"128" doc:"Makes the request safe to repeat; missing, the server makes one up."`
	RawBody     []byte
}

type jobOutput struct {
	Status   int
	Location string `header:"Location"`
	Position string `header:"Librum-Position"`
	Body     v1.Job
}

func (s *server) createJob(ctx context.Context, in *createJobInput) (*jobOutput, error) {
	spec, err := readSpec(in.ContentType, in.RawBody)
	if err != nil {
		return nil, err
	}
	if err := s.checkInitial(ctx, &spec); err != nil {
		return nil, err
	}
	key, err := s.idempotencyKey(in.Key)
	if err != nil {
		return nil, err
	}
	member := callerOf(ctx).Member
	id := fl.JobID(member, key)
	ended, err := fl.EndedJobs(s.Node.State(ctx), member)
	if err != nil {
		return nil, err
	}
	outcome, err := s.act(ctx, fl.MethodCreateJob, &fl.CreateJob{Key: key, Spec: spec, Ended: ended})
	if err != nil {
		return nil, err
	}
	if outcome.Code != ledger.CodeOK && outcome.Code != contract.CodeExists {
		return nil, refusedTransaction(outcome)
	}
	row, position, err := s.loadJob(ctx, id)
	if err != nil {
		return nil, err
	}
	out := &jobOutput{Status: http.StatusCreated, Location: "/v1/jobs/" + id.String(), Position: position}
	if outcome.Code == contract.CodeExists {
		if !reflect.DeepEqual(row.Spec, spec) {
			return nil, fail("idempotency_key_reused", "job "+id.String()+" has this key and another spec")
		}
		out.Status = http.StatusOK
	}
	out.Body, err = showJob(id, row)
	return out, err
}

// checkInitial refuses an initial model that this node can't get or that is of
// another model, while whoever asks is there to be told.
func (s *server) checkInitial(ctx context.Context, spec *job.Spec) error {
	if spec.InitialModel == "" {
		return nil
	}
	_, err := s.Coordinator.CheckInitial(ctx, spec)
	if err == nil || ctx.Err() != nil {
		return err
	}
	wrong := job.Problem{Field: "initial_model", Value: spec.InitialModel, Allowed: "the digest of a model of this shape that a node holds"}
	if errors.Is(err, coordinator.ErrInitialModel) || errors.Is(err, blob.ErrNotFound) || errors.Is(err, coordinator.ErrUnavailable) {
		return &job.SpecError{Problems: []job.Problem{wrong}}
	}
	return err
}

// readSpec reads a job spec in the format that the request names.
func readSpec(contentType string, b []byte) (job.Spec, error) {
	media, err := mediaType(contentType)
	if err != nil {
		return job.Spec{}, err
	}
	switch media {
	case typeJSON, "":
		return job.ParseJSON(b)
	case "application/yaml", "application/x-yaml", "text/yaml":
		return job.ParseYAML(b)
	}
	return job.Spec{}, fail("unsupported_media_type", "want "+typeJSON+" or application/yaml")
}

type jobsInput struct{ Page }

// A page passes over that many jobs that the caller may not see, and ends after
// that many rounds were looked at to find out; it may be short, or empty, and
// have a next one.
const (
	maxPassedOver = 4_096
	maxLookedAt   = 16_384
)

func (s *server) jobs(ctx context.Context, in *jobsInput) (*body[v1.Jobs], error) {
	var after contract.Key
	if in.Cursor != "" {
		id, err := ledger.ParseDigest(in.Cursor)
		if err != nil {
			return nil, invalidCursor()
		}
		after = fl.JobRow(id)
	}
	c := callerOf(ctx)
	out := &body[v1.Jobs]{Body: v1.Jobs{Jobs: []v1.Job{}}}
	passed, looked := 0, 0
	defer func() { s.charge(c, looked*costOfLook) }()
	for {
		rows, more, err := scan(s.Node.State(ctx), fl.PrefixJob, after, in.Limit)
		if err != nil {
			return nil, err
		}
		for i, r := range rows {
			after = r.Key
			id := ledger.Digest([]byte(r.Key[len(fl.PrefixJob):]))
			shown, rounds, err := s.listedJob(ctx, c, id, r.Value)
			if err != nil {
				return nil, err
			}
			looked += rounds
			if shown == nil {
				passed++
			} else {
				out.Body.Jobs = append(out.Body.Jobs, *shown)
			}
			full := len(out.Body.Jobs) == in.Limit || passed == maxPassedOver || looked >= maxLookedAt
			if full && (more || i < len(rows)-1) {
				out.Body.NextCursor = id.String()
				return out, nil
			}
		}
		if !more {
			return out, nil
		}
	}
}

// listedJob shows a job, or returns nil where it is not the caller's to see.
func (s *server) listedJob(ctx context.Context, c *caller, id ledger.Digest, value []byte) (_ *v1.Job, looked int, err error) {
	var row fl.Job
	if err := ledger.Decode("job", value, contract.MaxWriteBytes, &row); err != nil {
		return nil, 0, err
	}
	sees, looked, err := s.seesJob(ctx, c, id, &row)
	if err != nil || !sees {
		return nil, looked, err
	}
	shown, err := showJob(id, &row)
	return &shown, looked, err
}

// JobPath is the path of what belongs to a job.
type JobPath struct {
	ID ledger.Digest `path:"id" doc:"Id of the job."`
}

func (s *server) job(ctx context.Context, in *JobPath) (*jobOutput, error) {
	row, position, err := s.visibleJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &jobOutput{Status: http.StatusOK, Position: position}
	out.Body, err = showJob(in.ID, row)
	return out, err
}

func (s *server) cancelJob(ctx context.Context, in *JobPath) (*jobOutput, error) {
	outcome, err := s.act(ctx, fl.MethodCancelJob, &fl.CancelJob{Job: in.ID})
	if err != nil {
		return nil, err
	}
	if outcome.Code == fl.CodeJobOver { // cancelled before: what was asked holds
		if row, _, err := s.loadJob(ctx, in.ID); err == nil && row.State == job.StateCancelled {
			return s.job(ctx, in)
		}
	}
	if outcome.Code != ledger.CodeOK {
		return nil, refusedTransaction(outcome)
	}
	return s.job(ctx, in)
}

// loadJob reads a job and the position it is read at.
func (s *server) loadJob(ctx context.Context, id ledger.Digest) (*fl.Job, string, error) {
	position := fmt.Sprint(s.Node.Status().Next)
	row, ok, err := fl.LoadJob(s.Node.State(ctx), id)
	if err == nil && !ok {
		err = fail("not_found", "no job "+id.String())
	}
	return row, position, err
}

func showJob(id ledger.Digest, row *fl.Job) (v1.Job, error) {
	spec, err := json.Marshal(row.Spec)
	if err != nil {
		return v1.Job{}, fmt.Errorf("show job %s: %w", id, err)
	}
	return v1.Job{
		ID: id, Creator: row.Creator, Created: row.Created, State: string(row.State), Reason: string(row.Reason),
		Round: row.Round, BestRound: row.Best, FinalRounds: row.Finals, NumRounds: row.Spec.NumRounds,
		Model: showFile(row.Model, row.ModelSize), Card: showFile(row.Card, row.CardSize), Ended: row.Ended, Spec: spec,
	}, nil
}

func showFile(digest ledger.Digest, size uint64) *v1.File {
	if digest.IsZero() {
		return nil
	}
	return &v1.File{Digest: digest, Size: size}
}
