package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
)

type appendInput struct {
	UploadPath

	ContentType string `header:"Content-Type" hidden:"true"`
	Offset      int64  `header:"Upload-Offset" required:"true" minimum:"0" doc:"The upload's length so far."`
}

// appendUpload takes the body as it comes, not through the framework, which
// would hold it in memory.
func (s *server) appendUpload(ctx context.Context, in *appendInput) (*huma.StreamResponse, error) {
	if media, err := mediaType(in.ContentType); err != nil || media != typePart && media != typeBinary {
		return nil, fail("unsupported_media_type", "want "+typePart)
	}
	known, err := s.findUpload(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	u := known.NewUpload
	if known.complete {
		return nil, offsetFailure("upload_offset", "the upload is complete; ask for it for its receipts", u.Size)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) { //nolint:contextcheck // the framework hands the request in again
		r, w := humago.Unwrap(hc)
		out, err := s.takePart(w, r, in.ID, u, in.Offset)
		if err != nil {
			if f, ok := asFailure(s.refuse(r.Context(), "append-upload", err)); ok {
				writeFailure(w, f)
			}
			return
		}
		w.Header().Set("Upload-Offset", strconv.FormatInt(out.Offset, 10))
		w.Header().Set("Upload-Length", strconv.FormatInt(out.Length, 10))
		w.Header().Set("Content-Type", typeJSON)
		_ = json.NewEncoder(w).Encode(out.Body) // the client has gone if it cannot be written
	}}, nil
}

func (s *server) takePart(w http.ResponseWriter, r *http.Request, id ledger.ID, u v1.NewUpload, offset int64) (*uploadOutput, error) {
	ctx := r.Context()
	length, err := s.receive(w, r, offset, u.Size, func(source io.Reader) (int64, error) {
		return s.Blobs.Append(ctx, id, offset, source, u.Size)
	})
	if err != nil {
		return nil, err
	}
	if length == u.Size {
		return s.finish(r.Context(), id, u)
	}
	return showUpload(id, u, length), nil
}

// receive lets add take a part of size bytes in all from the body, and returns the
// new length. What a client can mend is told as a failure.
func (s *server) receive(w http.ResponseWriter, r *http.Request, offset, size int64, add func(source io.Reader) (int64, error)) (int64, error) {
	if err := boundPart(r, offset, size); err != nil {
		return offset, err
	}
	source := &failing{Reader: &steadyReader{
		Reader: r.Body, control: http.NewResponseController(w),
		idle: s.Limits.Idle, rate: s.Limits.PartRate, most: s.Limits.PartTime,
	}}
	length, err := add(source)
	var wrong *blob.OffsetError
	switch {
	case errors.As(err, &wrong):
		return length, offsetFailure("upload_offset", "go on from the upload's offset", wrong.Have)
	case errors.Is(err, blob.ErrNotFound) && offset > 0: // announced, and nothing of it has come
		return 0, offsetFailure("upload_offset", "nothing of it is here yet: begin at 0", 0)
	case errors.Is(err, blob.ErrBusy):
		return length, offsetFailure("upload_busy", "another part is being written; ask for the offset", offset)
	case errors.Is(err, blob.ErrTooMany):
		return length, fail("too_many_uploads", "finish some or wait until they lapse").retry(s.Limits.Idle)
	case errors.Is(err, blob.ErrTooLarge):
		return length, offsetFailure("body_too_large", "more than the "+strconv.FormatInt(size, 10)+" bytes announced", length)
	case isTimeout(source.err):
		return length, offsetFailure("body_timeout", "what came is kept; go on from the offset", length)
	case err != nil && isGone(source.err):
		return length, fmt.Errorf("%w: %w", errGone, err) // what came is kept
	case err != nil && source.err != nil:
		return length, offsetFailure("bad_request", "the body ended early; what came is kept", length)
	case err != nil:
		return length, err
	}
	extend(r.Context(), s.Limits.Wait)
	return length, nil
}

// failing remembers why a body ended early.
type failing struct {
	io.Reader

	err error
}

// Read implements [io.Reader].
func (f *failing) Read(b []byte) (int, error) {
	n, err := f.Reader.Read(b)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}
