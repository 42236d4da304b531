package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/librum/librum/aggregator"
	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/coordinator"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/recompute"
)

// typePart is the Content-Type of a part of an upload, as in the tus protocol.
const typePart = "application/offset+octet-stream"

func (s *server) uploadRoutes() {
	schemas := s.huma.OpenAPI().Components.Schemas
	stands := func(text string) *huma.Response {
		return &huma.Response{Description: text, Content: map[string]*huma.MediaType{typeJSON: {Schema: schemaOf[v1.Upload](schemas)}}}
	}
	handle(s, huma.Operation{
		OperationID: "create-upload", Method: http.MethodPost, Path: "/v1/uploads", Tags: []string{"uploads"},
		Summary:       "Announce an update",
		Description:   "The same announcement finds the same upload again, also after a restart of the server; go on from its offset. A complete one is answered with its receipts. A peer's next complete upload in a round takes the place of the one before.",
		DefaultStatus: http.StatusCreated, MaxBodyBytes: 4 << 10,
		Responses: map[string]*huma.Response{"200": stands("Begun before, or complete"), "201": stands("Nothing was sent yet")},
	}, s.createUpload)
	handle(s, huma.Operation{
		OperationID: "get-upload", Method: http.MethodGet, Path: "/v1/uploads/{id}", Tags: []string{"uploads"},
		Summary: "Where an upload stands", Description: "HEAD gives the same in the headers Upload-Offset and Upload-Length.",
	}, s.upload)
	handle(s, huma.Operation{
		OperationID: "append-upload", Method: http.MethodPatch, Path: "/v1/uploads/{id}", Tags: []string{"uploads"},
		Summary:     "Send a part of an update",
		Description: "The part that makes the upload whole is answered with the receipts. Refused with another Upload-Offset than the upload's.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			typePart: {Schema: &huma.Schema{Type: "string", Format: "binary"}},
		}},
		Responses:   map[string]*huma.Response{"200": stands("Where the upload stands")},
		Middlewares: huma.Middlewares{s.owningUpload},
	}, s.appendUpload)
}

// owningUpload refuses a part of another's upload before the rest of the request
// is looked at. An id that cannot be read, or is none's, is left to who reads it.
func (s *server) owningUpload(hc huma.Context, next func(huma.Context)) {
	if id, err := ledger.ParseID(hc.Param("id")); err == nil {
		known, err := s.findUpload(hc.Context(), id)
		if !known.Peer.IsZero() && err != nil {
			s.refuseEarly(hc, "append-upload", err)
			return
		}
	}
	next(hc)
}

type uploadOutput struct {
	Status   int
	Location string `header:"Location"`
	Offset   int64  `header:"Upload-Offset"`
	Length   int64  `header:"Upload-Length"`
	Body     v1.Upload
}

func showUpload(id ledger.ID, u v1.NewUpload, offset int64) *uploadOutput {
	return &uploadOutput{
		Status: http.StatusOK, Location: "/v1/uploads/" + id.String(), Offset: offset, Length: u.Size,
		Body: v1.Upload{ID: id, Job: u.Job, Round: u.Round, Peer: u.Peer, Digest: u.Digest, Size: u.Size, Offset: offset},
	}
}

type createUploadInput struct{ Body v1.NewUpload }

func (s *server) createUpload(ctx context.Context, in *createUploadInput) (*uploadOutput, error) {
	u := in.Body
	if err := callerOf(ctx).only("peer "+u.Peer.String(), u.Peer); err != nil {
		return nil, err
	}
	id, err := uploadID(u)
	if err != nil {
		return nil, err
	}
	// Not whether the blob is there decides, but who sent it: digests stand on
	// the ledger, and a copied one must not earn a receipt.
	if known, ok := s.sessions.find(id); ok && known.complete {
		return s.complete(ctx, id, u)
	}
	if err := s.expected(ctx, u); err != nil {
		return nil, err
	}
	lapsed, err := s.sessions.announce(ctx, id, u)
	for i := range lapsed {
		s.clear(ctx, &lapsed[i])
	}
	if err != nil {
		return nil, err
	}
	offset, err := s.Blobs.Partial(ctx, id)
	if err != nil && !errors.Is(err, blob.ErrNotFound) {
		return nil, err
	}
	out := showUpload(id, u, offset)
	if offset == 0 {
		out.Status = http.StatusCreated
	}
	if offset == u.Size { // whole, but its end was not told
		return s.finish(ctx, id, u)
	}
	return out, nil
}

// expected refuses an upload that no open round waits for, or that is larger
// than any update of the job's model.
func (s *server) expected(ctx context.Context, u v1.NewUpload) error {
	row, err := s.awaits(ctx, u)
	if err != nil {
		return err
	}
	layout, err := recompute.UpdateLayout(&row.Spec)
	if err != nil {
		return fmt.Errorf("lay out the model of job %s: %w", u.Job, err)
	}
	if most := min(s.Limits.UploadBytes, aggregator.MaxUpdateBytes(layout)); u.Size > most {
		return invalidField("body.size", fmt.Sprintf("%d bytes; at most %d are allowed for this model", u.Size, most))
	}
	return nil
}

// awaits refuses an upload that no open round waits for, and returns its job.
func (s *server) awaits(ctx context.Context, u v1.NewUpload) (*fl.Job, error) {
	j, _, err := s.loadJob(ctx, u.Job)
	if err != nil {
		return nil, err
	}
	r, ok, err := fl.LoadRound(s.Node.State(ctx), u.Job, u.Round)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, fail("not_found", fmt.Sprintf("job %s has no round %d", u.Job, u.Round))
	case r.State != job.RoundOpen:
		return nil, fail("round_state", fmt.Sprintf("round %d is %s", u.Round, r.State))
	}
	row, ok, err := fl.LoadUpdate(s.Node.State(ctx), u.Job, u.Round, u.Peer)
	switch {
	case err != nil:
		return nil, err
	case !ok || row.Attempt != r.Attempt:
		return nil, fail("not_in_cohort", fmt.Sprintf("round %d does not ask peer %s", u.Round, u.Peer))
	case row.State != fl.UpdateExpected:
		return nil, fail("answered", fmt.Sprintf("peer %s has %s in round %d", u.Peer, row.State, u.Round))
	}
	return j, nil
}

// UploadPath is the path of an upload.
type UploadPath struct {
	ID ledger.ID `path:"id" doc:"Id of the upload."`
}

func (s *server) upload(ctx context.Context, in *UploadPath) (*uploadOutput, error) {
	known, err := s.findUpload(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if known.complete {
		return s.complete(ctx, in.ID, known.NewUpload)
	}
	offset, err := s.Blobs.Partial(ctx, in.ID)
	if err != nil && !errors.Is(err, blob.ErrNotFound) {
		return nil, err
	}
	return showUpload(in.ID, known.NewUpload, offset), nil
}

// findUpload returns an upload of the caller's.
func (s *server) findUpload(ctx context.Context, id ledger.ID) (session, error) {
	known, ok := s.sessions.find(id)
	if !ok {
		return known, fail("not_found", "no upload "+id.String()+"; announce it again and go on from its offset")
	}
	return known, callerOf(ctx).only("upload "+id.String(), known.Peer)
}

// finish makes a whole upload content, in place of what the peer completed
// before in that round.
func (s *server) finish(ctx context.Context, id ledger.ID, u v1.NewUpload) (*uploadOutput, error) {
	// Once the peer has answered, what it completed before may be its answer.
	if _, err := s.awaits(ctx, u); err != nil {
		s.sessions.close(id)
		_ = s.Blobs.Discard(ctx, id) // see clear
		return nil, err
	}
	_, before, err := s.Blobs.Has(ctx, u.Digest)
	if err != nil {
		return nil, err
	}
	_, err = s.Blobs.Finish(ctx, id, u.Digest)
	if errors.Is(err, blob.ErrDigest) {
		s.sessions.close(id)
		return nil, fail("digest_mismatch", "the bytes received are not "+u.Digest.String())
	}
	if err != nil {
		return nil, err
	}
	if replaced := s.sessions.finish(id, !before); replaced != nil {
		s.clear(ctx, replaced)
	}
	return s.complete(ctx, id, u)
}

// complete answers with the receipts of an upload that is content.
func (s *server) complete(ctx context.Context, id ledger.ID, u v1.NewUpload) (*uploadOutput, error) {
	ctx, cancel := bounded(ctx, s.Limits.Wait)
	defer cancel()
	receipts, err := s.Coordinator.Receipts(ctx, u.Peer, u.Job, u.Round, u.Digest, uint64(u.Size))
	if errors.Is(err, coordinator.ErrNotAsked) {
		return nil, fail("round_state", "the round has closed, or has the peer's answer: no receipts are given any more")
	}
	if err != nil {
		return nil, fail("no_receipts", "the upload is complete; announce it again for its receipts").retry(time.Second).because(err)
	}
	out := showUpload(id, u, u.Size)
	out.Body.Complete, out.Body.Receipts = true, receipts
	return out, nil
}

// offsetFailure says where an upload goes on.
func offsetFailure(code, detail string, offset int64) *failure {
	f := fail(code, detail).with("Upload-Offset", strconv.FormatInt(offset, 10))
	f.Offset = &offset
	return f
}
